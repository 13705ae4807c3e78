# rcluster alone, on a base without a shell. It needs no right and writes nothing, so that it runs
# with a read-only file system:
#
#   docker build -t rcluster:0.1.0 .
#   docker run --rm --read-only --cap-drop ALL --network host rcluster:0.1.0 check 127.0.0.1:7001
FROM rust:1.89-slim-bookworm AS build
WORKDIR /rcluster
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY schemas schemas
COPY .ci/picture.rs .ci/picture.rs
COPY benches benches
COPY examples examples
COPY tests tests
RUN cargo build --release --locked --bin rcluster

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /rcluster/target/release/rcluster /usr/bin/rcluster
USER 65532:65532
ENTRYPOINT ["/usr/bin/rcluster"]
CMD ["--help"]

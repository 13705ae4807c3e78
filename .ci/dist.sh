#!/bin/sh
# The release in target/dist: a tarball, its SHA-256, and what it is made of (CycloneDX). A second run
# gives the same bytes, in another directory too, with the same Rust and C compilers.
set -eu
CDPATH='' cd "$(dirname "$0")/.."
root=$PWD
sh .ci/tools.sh cargo-cyclonedx
PATH=$(CDPATH='' cd "${RCLUSTER_TOOLS:-target/tools}/bin" && pwd):$PATH
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || echo 0)}"
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
target=$(rustc -vV | sed -n 's/^host: //p')
build=${DIST_BUILD:-$root/target/dist-build}
home=${CARGO_HOME:-$HOME/.cargo}
# No path of this machine in what is built, by Rust or by C.
export RUSTFLAGS="--remap-path-prefix=$root=/rcluster --remap-path-prefix=$home=/cargo"
export CFLAGS="-ffile-prefix-map=$root=/rcluster -ffile-prefix-map=$home=/cargo -ffile-prefix-map=$build=/build"
cargo build --release --locked --target "$target" --target-dir "$build" --bin rcluster
program=$build/$target/release/rcluster

name=rcluster-$version-$target
dist=${DIST:-target/dist}
work=$(mktemp -d)
trap 'rm -rf "$work" rcluster-dist.json' EXIT
mkdir -p "$dist" "$work/$name/bin" "$work/$name/lib" "$work/$name/share"
cp "$program" "$work/$name/bin/"
sh .ci/assets.sh "$program" "$work/assets"
mv "$work/assets/dropin" "$work/$name/lib/rcluster"
mv "$work/assets/man" "$work/$name/share/man1"
mv "$work/assets/completions" "$work/$name/share/completions"
cp -R README.md CHANGELOG.md LICENSE docs "$work/$name/"
cargo cyclonedx --format json --spec-version 1.5 --target "$target" --no-build-deps \
    --override-filename rcluster-dist --quiet
# The path of this checkout is no part of what a thing is made of.
sed "s|path+file://$root|path+file:///rcluster|g" rcluster-dist.json >"$dist/$name.cdx.json"
cp "$dist/$name.cdx.json" "$work/$name/sbom.cdx.json"
chmod -R u=rwX,go=rX "$work/$name"

tar --directory "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --format=ustar --create "$name" | gzip -9n >"$dist/$name.tar.gz"
(cd "$dist" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256" && cat "$name.tar.gz.sha256")

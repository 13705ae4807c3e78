# rcluster: build, try, test. Everything a target needs is fetched by it.

SERVERS := target/servers
STORIES := RCLUSTER_TEST_SERVERS="$(CURDIR)/$(SERVERS)" RUST_TEST_THREADS=8 cargo test --quiet --test stories
ALL := redis-6.2 redis-7.0 redis-8.2 redis-8.6 valkey-8.1 valkey-9.1

# Stories in which servers of any kind have the same part: make test runs them on one, make matrix on
# all.
ONCE := action_yml:: addresses:: bad_input:: by_hand:: call:: client_tests:: contexts:: documents:: import_clients:: info:: \
	output:: packages:: placement:: sandbox:: shells:: server_program:: simulated:: threads:: tutorial::

.PHONY: rust build demo test first-contact lint servers matrix soak bench pictures kubernetes packages dist deny clean

# A clear line first where Rust is missing or too old, or a C compiler is missing.
rust:
	@sh .ci/rust.sh

build: rust
	cargo build --release

# A playground: servers, a cluster in one command, the same by hand, a check, what it holds.
demo: rust
	sh .ci/demo.sh

# Everything that has to be well before a change lands: under 10 minutes on 2 cores. Servers come
# first: what is missing to fetch them is told in seconds.
test: rust
	sh .ci/servers.sh $(SERVERS) redis-7.0 valkey-9.1
	-sh .ci/servers.sh $(SERVERS) redis-6.2 redis-8.6 valkey-8.1 valkey-cli-9.1
	$(MAKE) --no-print-directory lint
	cargo test --quiet --lib --bins --examples --test floors --test examples --test parsers --test hostile --test troubleshooting
	cargo test --quiet --doc
	RCLUSTER_TEST_SERVER=redis-7.0 $(STORIES)
	RCLUSTER_TEST_SERVER=valkey-9.1 $(STORIES) -- $(addprefix --skip ,$(ONCE))
	sh .ci/netns.sh & netns=$$!; sh .ci/first-contact.sh quick; first=$$?; wait $$netns && exit $$first

# The demo on machines as people have them, in clones too: docs/first-contact.md.
first-contact: rust
	sh .ci/servers.sh $(SERVERS) redis-7.0
	sh .ci/first-contact.sh

lint: rust
	cargo fmt --check
	cargo clippy --quiet --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps

servers:
	sh .ci/servers.sh $(SERVERS) all

# The stories on every server, one after the other.
matrix: servers
	set -e; for server in $(ALL); do echo "== $$server"; RCLUSTER_TEST_SERVER=$$server $(STORIES); done

# Bytes that nobody meant, RCLUSTER_SOAK_CASES times (5000) for each parser. Runs of create and rebalance killed in every moment, RCLUSTER_SOAK_KILLS times (50) on each of two servers.
soak:
	PROPTEST_CASES=$${RCLUSTER_SOAK_CASES:-5000} cargo test --quiet --lib -- panic printable
	PROPTEST_CASES=$${RCLUSTER_SOAK_CASES:-5000} cargo test --quiet --test parsers
	sh .ci/servers.sh $(SERVERS) redis-7.0 valkey-9.1
	set -e; for server in redis-7.0 valkey-9.1; do \
		RCLUSTER_TEST_SERVERS="$(CURDIR)/$(SERVERS)" RCLUSTER_TEST_SERVER=$$server \
			cargo test --quiet --test soak -- --nocapture; done

# Beside redis-cli and valkey-cli, in one run; ratios are printed.
bench:
	sh .ci/servers.sh $(SERVERS) redis-7.0 redis-8.6 valkey-9.1 valkey-cli-9.1
	cargo bench --bench plan
	RCLUSTER_TEST_SERVERS="$(CURDIR)/$(SERVERS)" cargo bench --bench versus

# The images in docs/pictures; those of a terminal take tmux.
pictures: rust
	sh .ci/pictures.sh

# The manifests held to the JSON schemas of Kubernetes, which a Python package brings along.
kubernetes:
	python3 -m venv target/kubernetes
	target/kubernetes/bin/pip install --quiet kubernetes-validate==1.37.0
	set -e; for file in redis create cron; do \
		target/kubernetes/bin/kubernetes-validate --strict deploy/kubernetes/$$file.yaml; done

# Packages of all kinds, built and tried as people use them: some minutes, tools are installed into
# target/tools.
packages: rust
	sh .ci/packages.sh

# The release: target/dist has the tarball, its SHA-256 and what it is made of.
dist: rust
	sh .ci/dist.sh

# Licences, sources and known advisories of all that is built in.
deny: rust
	sh .ci/deny.sh

clean:
	cargo clean

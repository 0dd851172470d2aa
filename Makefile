.PHONY: help setup build test lint format demo study chaos poison proto bench-network bench-stream

help:
	@echo "make demo     see it work: set-up, servers, services, training, predictions, report"
	@echo "make study    the study and its report; QUICK=1 for minutes, HOURS=8 to stop after so many, DATA=folder"
	@echo "make test     all tests, against a real broker and a real PostgreSQL"
	@echo "make chaos    the suite killed, frozen, scaled, against an undisturbed run; SEED=7 repeats a run"
	@echo "make poison   10,000 spoilt messages of each topic into the services' processors; SEED=7, COUNT=100000"
	@echo "make build    release build"
	@echo "make lint     check the layout of the code; make format corrects it"
	@echo "make setup    install missing system packages"
	@echo "make bench-network   the network's speed beside PyTorch, ONNX Runtime and OpenVINO"
	@echo "make bench-stream    the running suite's throughput and latency, and that of more replicas"
	@echo "make proto    regenerate the code of schemas/messages"

setup:
	@ops/dev/setup

build: setup
	swift build -c release

test: setup
	@ops/dev/test

demo: setup
	@ops/dev/demo

# QUICK=1 needs nothing but this repository. Otherwise DATA (or RESYNC_DATA) is a folder with mitdb/ and ptbxl/; cells
# whose data are missing are listed in the report. The split by beat, which leaks, is run and named so.
study: setup
	@swift build -c release --product study 1>&2
	@"$$(swift build -c release --show-bin-path)/study" --allow-leak random-by-beat \
	  $(if $(QUICK),--quick) $(if $(HOURS),--hours $(HOURS)) $(if $(DATA),--data "$(DATA)")

chaos: setup
	@ops/dev/chaos $(if $(SEED),--seed $(SEED))

# In-process, without servers; `make test` has 300 of each, and some through a running suite.
poison: setup
	@swift build -c release --build-tests 1>&2
	@POISON_COUNT=$(or $(COUNT),10000) POISON_SEED=$(or $(SEED),1) swift test -c release --skip-build \
	  --disable-xctest --filter 'PoisonTests.(PoisonTests|DecoderTests)'

lint:
	@ops/dev/lint

format:
	@ops/dev/lint --fix

# Half an hour and, the first time, some gigabytes of Python packages in .peer.
bench-network: setup
	swift build -c release --product resync-bench
	test -x .peer/bin/python || \
	  (python3 -m venv .peer && .peer/bin/pip install torch torchvision onnx onnxruntime openvino)
	python3 Benchmarks/network.py

# Seven minutes; KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL name servers of your own.
bench-stream: setup
	@ops/dev/bench-stream
	@ops/dev/bench-stream scale --no-build

# Regenerates the committed Swift code of schemas/messages; needs protoc (protobuf-compiler).
proto:
	swift build -c release --product protoc-gen-swift
	protoc --plugin=.build/release/protoc-gen-swift --proto_path=schemas/messages \
	  --swift_opt=Visibility=Public --swift_out=Shared/Messages/Generated schemas/messages/*.proto

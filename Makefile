.PHONY: help setup build test lint format demo proto bench-network

help:
	@echo "make demo     see it work: set-up, servers, services, training, predictions, report"
	@echo "make test     all tests, against a real broker and a real PostgreSQL"
	@echo "make build    release build"
	@echo "make lint     check the layout of the code; make format corrects it"
	@echo "make setup    install missing system packages"
	@echo "make bench-network   the network's speed beside PyTorch, ONNX Runtime and OpenVINO"
	@echo "make proto    regenerate the code of schemas/messages"

setup:
	@ops/dev/setup

build: setup
	swift build -c release

test: setup
	@ops/dev/test

demo: setup
	@ops/dev/demo

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

# Regenerates the committed Swift code of schemas/messages; needs protoc (protobuf-compiler).
proto:
	swift build -c release --product protoc-gen-swift
	protoc --plugin=.build/release/protoc-gen-swift --proto_path=schemas/messages \
	  --swift_opt=Visibility=Public --swift_out=Shared/Messages/Generated schemas/messages/*.proto

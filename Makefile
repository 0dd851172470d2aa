.PHONY: proto

# Regenerates the committed Swift code of schemas/messages; needs protoc (protobuf-compiler).
proto:
	swift build -c release --product protoc-gen-swift
	protoc --plugin=.build/release/protoc-gen-swift --proto_path=schemas/messages \
	  --swift_opt=Visibility=Public --swift_out=Shared/Messages/Generated schemas/messages/*.proto

"""A provider plugin that knows the AWS provider's schema and does nothing else.

Terraform uses it in place of the real provider, for `validate` and for `test` with `mock_provider`: the values that AWS
would have given are then made up by Terraform, so all that is asked here is which arguments there are and of which types.

usage: provider_stub.py encode SCHEMA TARGET NAME...   a part of the file of `provider_schema.py`, as `serve` reads it
       provider_stub.py serve ENCODED SOCKET           until it is killed, or nobody holds its standard input
"""

import json
import sys
from concurrent import futures

import grpc
from tf.gen import grpc_stdio_pb2_grpc as stdio
from tf.gen import tfplugin_pb2 as messages
from tf.gen import tfplugin_pb2_grpc as services

# `write_only`, field 11 of Schema.Attribute in version 6.8 of the protocol; the package's messages are older.
WRITE_ONLY = bytes([11 << 3, 1])


def attribute(described):
    made = messages.Schema.Attribute(name=described["name"], type=json.dumps(described["type"]).encode(),
                                     required=described["required"], optional=described["optional"],
                                     computed=described["computed"])
    if described["name"].endswith("_wo"):
        made.MergeFromString(WRITE_ONLY)
    return made


def block(described):
    nested = [messages.Schema.NestedBlock(type_name=inner["name"], block=block(inner["block"]),
                                          nesting=getattr(messages.Schema.NestedBlock, inner["nesting"]),
                                          min_items=inner["least"], max_items=inner["most"])
              for inner in described["blocks"]]
    return messages.Schema.Block(attributes=map(attribute, described["attributes"]), block_types=nested)


def schema(described):
    return messages.Schema(version=0, block=block(described))


def answer(described, wanted):
    """The schema as Terraform asks for it, with those of `wanted` that the provider has."""
    chosen = {kind: {name: schema(of) for name, of in described[kind].items() if name in wanted}
              for kind in ("resources", "data_sources")}
    # Terraform need not ask a second time: it makes an instance of the provider for each module of each run.
    once = messages.ServerCapabilities(get_provider_schema_optional=True)
    return messages.GetProviderSchema.Response(provider=schema(described["provider"]), server_capabilities=once,
                                               resource_schemas=chosen["resources"],
                                               data_source_schemas=chosen["data_sources"])


class SchemaOnly(services.ProviderServicer):
    """Answers with the schema and finds every configuration good that fits it."""

    def __init__(self, schema):
        self.schema = schema

    def GetProviderSchema(self, *_):
        return self.schema

    def ValidateProviderConfig(self, *_):
        return messages.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, *_):
        return messages.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, *_):
        return messages.ValidateDataResourceConfig.Response()

    def StopProvider(self, *_):
        return messages.StopProvider.Response()


class Output(stdio.GRPCStdioServicer):
    """Terraform listens to what a plugin prints. This one prints nothing."""

    def StreamStdio(self, *_):
        return iter(())


def encode(source, target, *wanted):
    with open(source, encoding="utf-8") as file:
        encoded = answer(json.load(file), set(wanted)).SerializeToString()
    with open(target, "wb") as file:
        file.write(encoded)


def serve(encoded, socket):
    with open(encoded, "rb") as file:
        known = messages.GetProviderSchema.Response.FromString(file.read())
    server = grpc.server(futures.ThreadPoolExecutor(8))
    services.add_ProviderServicer_to_server(SchemaOnly(known), server)
    stdio.add_GRPCStdioServicer_to_server(Output(), server)
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    print("serving", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    {"encode": encode, "serve": serve}[sys.argv[1]](*sys.argv[2:])

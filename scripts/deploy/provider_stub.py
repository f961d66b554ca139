"""A provider plugin that knows the AWS provider's schema and does nothing else.

Terraform starts it in place of the real provider, for `validate` and for `test` with `mock_provider`: the values that AWS
would have given are then made up by Terraform, so all that is asked here is which arguments there are and of which types.
`CLOISTER_PROVIDER_SCHEMA` names the file to answer with. `--encode SCHEMA TARGET NAME...` writes it from the file of
`provider_schema.py`, with the named resources and data sources alone: Terraform starts a plugin for every `run` of a test,
and would take a second to read all 2,400.
"""

import json
import os
import sys

import tf.provider
import tf.runner
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
    return messages.GetProviderSchema.Response(provider=schema(described["provider"]),
                                               resource_schemas=chosen["resources"],
                                               data_source_schemas=chosen["data_sources"])


class SchemaOnly(services.ProviderServicer):
    """Answers with the schema and finds every configuration good that fits it."""

    def __init__(self, *_):
        with open(os.environ["CLOISTER_PROVIDER_SCHEMA"], "rb") as file:
            self.schema = messages.GetProviderSchema.Response.FromString(file.read())

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


def main():
    if sys.argv[1:2] == ["--encode"]:
        source, target, *wanted = sys.argv[2:]
        with open(source, encoding="utf-8") as file:
            encoded = answer(json.load(file), set(wanted)).SerializeToString()
        with open(target, "wb") as file:
            file.write(encoded)
        return
    tf.provider.ProviderServicer = SchemaOnly
    tf.runner.run_provider(None, sys.argv)


if __name__ == "__main__":
    main()

"""The schema of the real AWS provider, read from a package that was generated from it.

No provider can be downloaded everywhere that this repository is checked. But the PyPI package `cdktn-provider-aws` carries
one JavaScript class for each resource, data source and block of the provider, and above each attribute a comment with its
flags: `// name - computed: true, optional: true, required: false`. This module reads these classes into the form in which
`provider_stub.py` answers Terraform.

The classes do not say everything. Whether a block of which there is one at most is a list or an object in the provider is
guessed (a list): both are written alike. What the package holds as free JSON is left out, but for the statement of a WAF
rule, which another resource spells out. Values of enumerations, limits and which arguments exclude each other are in the
provider's code alone, and only a plan against AWS checks them.
"""

import argparse
import json
import pathlib
import re
import tarfile
import zipfile

COMMENT = re.compile(r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$", re.M)
CLASS = re.compile(r"^class (\w+) extends cdkt[fn]\.(\w+) \{$", re.M)
TERRAFORM_NAME = re.compile(r'static tfResourceType = "(\w+)";')
GETTER = re.compile(r"this\.get(String|Number|Boolean|List|NumberList|StringMap|NumberMap|BooleanMap)Attribute\(")
NESTED = re.compile(r'_\w+ = new (?:\w+\.)?(\w+)\(this, "\w+"(?:, (true|false))?')
WRITTEN = re.compile(r"^    ( {4,8})(\w+): \{\n\s+value: [^\n]*\n\s+isBlock: (true|false),\n\s+type: \"(\w+)\",\n"
                     r"\s+storageClassType: \"(\w+)\"", re.M)
WRITER = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{$", re.M)
SIMPLE = {"String": "string", "Number": "number", "Boolean": "bool", "List": ["list", "string"],
          "NumberList": ["list", "number"], "StringMap": ["map", "string"], "NumberMap": ["map", "number"],
          "BooleanMap": ["map", "bool"]}
MAPS = {"StringMap": ["map", "string"], "NumberMap": ["map", "number"], "BooleanMap": ["map", "bool"],
        "StringMapList": ["list", ["map", "string"]], "StringListMap": ["map", ["list", "string"]],
        "AnyMap": ["map", "string"]}
STORED = {"string": "string", "number": "number", "boolean": "bool", "stringList": ["list", "string"],
          "numberList": ["list", "number"], "stringMap": ["map", "string"]}
DEEPEST = 8  # a WAF statement holds itself; the provider's own schema ends after a few levels too
BORROWED = {("aws_wafv2_web_acl", "rule", "statement"): "aws_wafv2_web_acl_rule",
            ("aws_wafv2_rule_group", "rule", "statement"): "aws_wafv2_web_acl_rule"}
LIST, SET, SINGLE = "LIST", "SET", "SINGLE"


class UnknownShape(Exception):
    """The package is not written as this module expects."""


def bodies(source, heading):
    """Text of each definition, by the name in its heading, up to the closing brace of its first column."""
    return {match[1]: (match, source[match.end():source.index("\n}\n", match.end())]) for match in heading.finditer(source)}


class Module:
    """The classes of one resource or data source."""

    def __init__(self, source):
        self.classes = {name: (match[2], body) for name, (match, body) in bodies(source, CLASS).items()}
        self.writers = {name.lower(): body for name, (_, body) in bodies(source, WRITER).items()}

    def roots(self):
        """(kind, Terraform's name, its block) of each resource and data source in it."""
        for name, (kind, body) in self.classes.items():
            if (found := TERRAFORM_NAME.search(body)) and kind in ("TerraformResource", "TerraformDataSource"):
                start = body.find("synthesizeHclAttributes()")
                yield kind, found[1], self.block(body, body[start:] if start >= 0 else "", 0)

    def block(self, body, writer, depth):
        """Attributes and nested blocks of one class; `writer` is the function that writes it as HCL."""
        written = {name: (is_block == "true", kind) for _, name, is_block, kind, _ in WRITTEN.findall(writer)}
        comments = list(COMMENT.finditer(body))
        attributes, blocks = [], []
        for index, comment in enumerate(comments):
            end = comments[index + 1].start() if index + 1 < len(comments) else len(body)
            self.member(comment, body[comment.end():end], written, depth, attributes, blocks)
        return {"attributes": attributes, "blocks": blocks}

    def member(self, comment, text, written, depth, attributes, blocks):
        name = comment[1]
        computed, optional, required = (flag == "true" for flag in comment.groups()[1:])
        flags = {"name": name, "computed": computed, "optional": optional, "required": required}
        is_block, kind = written.get(name, (False, ""))
        nested = NESTED.search(text)
        if nested and nested[1] not in MAPS:
            inner = self.inner(nested[1], depth)
            if inner is None:
                return
            if is_block:
                blocks.append(block_type(name, nested, kind, required, inner))
            else:
                attributes.append({**flags, "type": collection(nested, kind, inner)})
            return
        if nested:
            type = MAPS[nested[1]]
        elif getter := GETTER.search(text):
            type = SIMPLE[getter[1]]
            if type[0] == "list" and (kind == "set" or "Fn.tolist" in text):
                type = ["set", type[1]]
        elif "interpolationForAttribute" in text:
            return
        else:
            raise UnknownShape(f"attribute {name}: {text.strip()[:200]}")
        attributes.append({**flags, "type": type})

    def inner(self, name, depth):
        """The block below a list, map or single reference, or nothing where it is nested too deep."""
        stem = re.sub(r"(List|Map|OutputReference)$", "", name)
        found = self.classes.get(f"{stem}OutputReference")
        if found is None or depth >= DEEPEST:
            return None
        return self.block(found[1], self.writers.get(stem.lower(), ""), depth + 1)


def block_type(name, nested, kind, required, inner):
    """A nested block. `timeouts` alone is an object in the provider's own schema."""
    single = nested[1].endswith("OutputReference")
    if name == "timeouts":
        return {"name": name, "nesting": SINGLE, "least": 0, "most": 0, "block": inner}
    in_set = (kind == "set" or nested[2] == "true") and not single
    return {"name": name, "nesting": SET if in_set else LIST, "least": int(required), "most": int(single),
            "block": inner}


def collection(nested, kind, inner):
    """The type of an attribute that holds objects."""
    if nested[1].endswith("Map"):
        outer = "map"
    elif kind == "struct":
        return object_type(inner)
    else:
        outer = "set" if kind == "set" or nested[2] == "true" else "list"
    return [outer, object_type(inner)]


def object_type(block):
    """A block as the type of a value."""
    fields = {attribute["name"]: attribute["type"] for attribute in block["attributes"]}
    for nested in block["blocks"]:
        of = object_type(nested["block"])
        fields[nested["name"]] = of if nested["nesting"] == SINGLE else [nested["nesting"].lower(), of]
    return ["object", fields]


def provider_block(source):
    """What the provider's own configuration takes. Its class has no flags: everything may be left out."""
    writers = {name.lower(): body for name, (_, body) in bodies(source, WRITER).items()}
    body = next(body for _, (match, body) in bodies(source, CLASS).items() if match[2] == "TerraformProvider")
    attributes, blocks = [], []
    for _, name, is_block, kind, stored in WRITTEN.findall(body[body.find("synthesizeHclAttributes()"):]):
        if is_block == "true":
            called = re.search(rf"\b{name}: \{{\n\s+value: [^\n]*?(\w+)ToHclTerraform", body)
            inner = [free(inner_name, inner_kind, inner_stored) for _, inner_name, _, inner_kind, inner_stored
                     in WRITTEN.findall(writers[called[1].lower()])]
            blocks.append({"name": name, "nesting": LIST, "least": 0, "most": 0,
                           "block": {"attributes": inner, "blocks": []}})
        else:
            attributes.append(free(name, kind, stored))
    return {"attributes": attributes, "blocks": blocks}


def free(name, kind, stored):
    type = STORED.get(stored, "dynamic")
    if kind == "set" and type[0] == "list":
        type = ["set", type[1]]
    return {"name": name, "computed": False, "optional": True, "required": False, "type": type}


def read(sources):
    """The schema from (folder name, source text) pairs."""
    schema = {"provider": None, "resources": {}, "data_sources": {}}
    places = {"TerraformResource": schema["resources"], "TerraformDataSource": schema["data_sources"]}
    for folder, source in sources:
        if folder == "provider":
            schema["provider"] = provider_block(source)
        elif "tfResourceType" in source and not folder.startswith("ephemeral-"):
            for kind, name, block in Module(source).roots():
                places[kind][name] = block
    for (resource, outer, name), lender in BORROWED.items():
        if resource in schema["resources"]:
            nested = block_named(schema["resources"][lender], name)
            block_named(schema["resources"][resource], outer)["block"]["blocks"].append({**nested, "least": 1, "most": 1})
    if schema["provider"] is None or not schema["resources"]:
        raise UnknownShape("the package holds no provider or no resource")
    return schema


def block_named(block, name):
    return next(nested for nested in block["blocks"] if nested["name"] == name)


def of_archive(path):
    """(folder, source) pairs of a `.tgz` as npm packs it. A large resource is split over several files."""
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            parts = pathlib.PurePosixPath(member.name).parts
            if parts[:2] == ("package", "lib") and len(parts) > 3 and member.name.endswith(".js"):
                found.setdefault(parts[2], []).append((member.name, archive.extractfile(member).read().decode()))
    for folder, files in sorted(found.items()):
        yield folder, "\n".join(text for _, text in sorted(files))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=pathlib.Path, help="the wheel of cdktn-provider-aws")
    parser.add_argument("target", type=pathlib.Path, help="the JSON file to write")
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as wheel:
        packed = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
        with wheel.open(packed) as archive:
            unpacked = arguments.target.with_suffix(".tgz")
            unpacked.write_bytes(archive.read())
    try:
        schema = read(of_archive(unpacked))
    finally:
        unpacked.unlink()
    started = arguments.target.with_suffix(".part")
    started.write_text(json.dumps(schema), encoding="utf-8")
    started.replace(arguments.target)
    print(f"{len(schema['resources'])} resources, {len(schema['data_sources'])} data sources")


if __name__ == "__main__":
    main()

"""A schema that forgot something would let wrong configurations pass."""

import pytest

from deploy import provider_schema

KEY = '''
function keyTimeoutsToHclTerraform(struct) {
    const attrs = {
        create: {
            value: cdktn.stringToHclTerraform(struct.create),
            isBlock: false,
            type: "simple",
            storageClassType: "string",
        },
    };
}
class KeyTimeoutsOutputReference extends cdktn.ComplexObject {
    // create - computed: false, optional: true, required: false
    _create;
    get create() {
        return this.getStringAttribute('create');
    }
}
class KeyGrantOutputReference extends cdktn.ComplexObject {
    // days - computed: false, optional: false, required: true
    _days;
    get days() {
        return this.getNumberAttribute('days');
    }
}
class KeyStateOutputReference extends cdktn.ComplexObject {
    // name - computed: true, optional: false, required: false
    get name() {
        return this.getStringAttribute('name');
    }
}
class Key extends cdktn.TerraformResource {
    static tfResourceType = "aws_key";
    // arn - computed: true, optional: false, required: false
    get arn() {
        return this.getStringAttribute('arn');
    }
    // names - computed: false, optional: false, required: true
    _names;
    get names() {
        return cdktn.Fn.tolist(this.getListAttribute('names'));
    }
    // state - computed: true, optional: false, required: false
    _state = new KeyStateList(this, "state", false);
    get state() {
        return this._state;
    }
    // grant - computed: false, optional: false, required: true
    _grant = new index_1.KeyGrantList(this, "grant", true);
    get grant() {
        return this._grant;
    }
    // timeouts - computed: false, optional: true, required: false
    _timeouts = new KeyTimeoutsOutputReference(this, "timeouts");
    get timeouts() {
        return this._timeouts;
    }
    synthesizeHclAttributes() {
        const attrs = {
            grant: {
                value: cdktn.listMapperHcl(keyGrantToHclTerraform, true)(this._grant.internalValue),
                isBlock: true,
                type: "set",
                storageClassType: "KeyGrantList",
            },
            timeouts: {
                value: keyTimeoutsToHclTerraform(this._timeouts.internalValue),
                isBlock: true,
                type: "struct",
                storageClassType: "KeyTimeouts",
            },
        };
    }
}
'''
PROVIDER = '''
class AwsProvider extends cdktn.TerraformProvider {
    synthesizeHclAttributes() {
        const attrs = {
            region: {
                value: cdktn.stringToHclTerraform(this._region),
                isBlock: false,
                type: "simple",
                storageClassType: "string",
            },
        };
    }
}
'''


@pytest.fixture
def key():
    return provider_schema.read([("key", KEY), ("provider", PROVIDER)])["resources"]["aws_key"]


def by_name(members):
    return {member["name"]: member for member in members}


def test_flags_and_types_are_those_of_the_comments(key):
    attributes = by_name(key["attributes"])
    assert set(attributes) == {"arn", "names", "state"}
    assert attributes["names"] == {"name": "names", "computed": False, "optional": False, "required": True,
                                   "type": ["set", "string"]}
    assert attributes["arn"]["computed"] and not attributes["arn"]["optional"]
    assert attributes["state"]["type"] == ["list", ["object", {"name": "string"}]]


def test_blocks_keep_their_nesting_and_what_they_need(key):
    blocks = by_name(key["blocks"])
    assert (blocks["grant"]["nesting"], blocks["grant"]["least"]) == ("SET", 1)
    assert blocks["grant"]["block"]["attributes"][0]["required"]
    assert blocks["timeouts"]["nesting"] == "SINGLE"


def test_a_member_of_unknown_shape_is_an_error_and_no_gap():
    odd = KEY.replace("return this.getStringAttribute('arn');", "return this.arnOfTomorrow();")
    with pytest.raises(provider_schema.UnknownShape, match="arn"):
        provider_schema.read([("key", odd), ("provider", PROVIDER)])


def test_a_package_without_resources_is_an_error():
    with pytest.raises(provider_schema.UnknownShape):
        provider_schema.read([("provider", PROVIDER)])

"""What `make reproducible` says of two builds."""

import reproducible


def test_programs_that_came_out_equal_are_not_complained_of():
    assert reproducible.differences({"cloister": b"abc"}, {"cloister": b"abc"}) == []


def test_a_byte_or_an_end_that_differs_is_shown_with_its_place():
    said = reproducible.differences({"cloister": b"from /one/src", "admin": b"ab"}, {"cloister": b"from /two/src", "admin": b"abc"})
    assert "different from byte 6 on" in said[0] and "/one/src" in said[0] and "/two/src" in said[0]
    assert "admin: 2 and 3 bytes, different from byte 2 on" in said[1]

"""What `make reproducible` says of two builds."""

import reproducible


def test_programs_that_came_out_equal_are_not_complained_of():
    assert reproducible.differences({"cloister": b"abc"}, {"cloister": b"abc"}) == []


def test_a_byte_or_an_end_that_differs_is_shown_with_its_place():
    said = reproducible.differences({"cloister": b"from /one/src", "admin": b"ab"}, {"cloister": b"from /two/src", "admin": b"abc"})
    assert said[0] == "cloister: 13 and 13 bytes"
    assert "from byte 6 on" in said[1] and "/one/src" in said[1] and "/two/src" in said[1]
    assert said[2] == "admin: 2 and 3 bytes" and "from byte 2 on" in said[3]


def test_places_far_from_each_other_are_shown_apart_but_not_all():
    one, other = bytearray(40_000), bytearray(40_000)
    for place in (812, 813, 9_000, 20_000, 30_000, 39_999):
        other[place] = 1
    assert reproducible.places(bytes(one), bytes(other)) == [812, 9_000, 20_000, 30_000]

"""Which address a Link header gives as the next one, RFC 8288."""

import pytest

from refloat.client.listing import next_in


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ('</v2/a/tags/list?last=b&n=2>; rel="next"', "/v2/a/tags/list?last=b&n=2"),
        ("<b>;rel=next", "b"),
        ('<b> ; title="x" ; REL = "Next"', "b"),
        ('<a>; rel="prev", <b>; rel="next"', "b"),
        ('<a,b>; rel="prev", <c,d>; rel="next"', "c,d"),
        ('<a>; title="one, <two>; rel=next"; rel="prev", <b>; rel="up next"', "b"),
        ('<https://r.example/v2/_catalog?last=%2F>; rel="next"; type="a/b"', "https://r.example/v2/_catalog?last=%2F"),
        ("<>; rel=next", ""),
        ("", None),
        ('<a>; rel="nextish"', None),
        ('<a>; rel="prev"; note="rel=next"', None),
        ("<a>", None),
        ("<a", None),
        ("a; rel=next", None),
        ("<" * 65_536, None),
        ("<>" * 32_768, None),
        ("<a>;" + "rel;" * 16_384, None),
        ('<a>"' * 16_383, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_next_address(link: str, address: str | None) -> None:
    assert next_in(link) == address

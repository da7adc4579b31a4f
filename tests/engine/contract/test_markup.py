"""HTML in which every text is escaped."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from adp3d.contract.markup import element, join, table

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


class Seen(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def seen(page):
    parser = Seen()
    parser.feed(page)
    parser.close()
    return parser


@given(TEXT, TEXT)
def test_any_text_comes_back_as_text(content, value):
    found = seen(element("p", content, element("b", "x"), title=value))
    assert found.tags == ["p", "b"]
    assert found.text == content + "x" and found.attributes == [("title", value)]


def test_names_of_attributes():
    assert element("meta", http_equiv="a", class_="b") == '<meta http-equiv="a" class="b">'
    assert element("p", name="n") == '<p name="n"></p>'


def test_what_was_made_here_is_not_escaped_again():
    inner = element("b", "<&>")
    assert inner == "<b>&lt;&amp;&gt;</b>"
    assert join((inner, "<"), " ") == "<b>&lt;&amp;&gt;</b> &lt;"


def test_tables_align_numbers():
    page = table(("a", "b<"), [("x", "1"), ("<script>", "2")], (False, True), border="1")
    found = seen(page)
    assert found.tags.count("tr") == 3 and found.tags.count("td") == 4 and "script" not in found.tags
    assert found.attributes.count(("align", "right")) == 3

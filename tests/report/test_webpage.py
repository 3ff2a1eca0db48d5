from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from ai4land.evaluation import Evaluation
from ai4land.report import Table
from ai4land.report.charts.scores import charts_of
from ai4land.report.webpage import Tables

VOID = {"meta", "img", "input", "br", "path", "circle", "rect"}
ADDRESSES = ("src", "href", "srcset", "action", "formaction", "poster", "data", "xlink:href")
DOI = "https://doi.org/"
MIB = 1 << 20


class Reader(HTMLParser):
    """Checks that tags close in order, and collects what they say."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            attrs
            for name, attrs in self.tags
            if name == tag and all(attrs.get(key) == value for key, value in wanted.items())
        ]


@pytest.fixture(scope="module")
def page(html: str) -> Reader:
    return Reader(html)


def addresses(page: Reader) -> Iterator[tuple[str, str]]:
    """Tag and address of everything that names one."""
    for tag, attrs in page.tags:
        for key in ADDRESSES:
            if attrs.get(key):
                yield tag, str(attrs[key])


def test_the_page_holds_everything_it_shows(page: Reader, html: str) -> None:
    assert not page.open, "every tag is closed"
    found = list(addresses(page))
    assert {tag for tag, _ in found} == {"a", "img"}, "no script, style, font or frame from outside"
    for tag, address in found:
        inside = address.startswith("data:image/png;base64,") if tag == "img" else address[0] == "#"
        assert inside or (tag == "a" and address.startswith(DOI)), address
    styles = "".join(page.texts["style"]) + "".join(str(a.get("style", "")) for _, a in page.tags)
    for word in ("url(", "@import", "@font-face", "image-set("):
        assert word not in styles
    scripts = "".join(page.texts["script"])
    for word in ("http:", "https:", "file:", "fetch(", "XMLHttpRequest", "import(", "WebSocket"):
        assert word not in scripts
    assert len(html) < 3 * MIB


def test_titles_are_text_not_markup(html: str) -> None:
    assert "mine &lt;b&gt;" in html
    assert "mine <b>" not in html


def test_every_table_has_a_caption_and_heads_that_say_what_they_head(page: Reader) -> None:
    tables = page.all("table")
    assert len(page.all("caption")) == len(tables) > 10
    assert all(head.get("scope") in {"row", "col"} for head in page.all("th"))
    captions = {str(c["id"]) for c in page.all("caption")}
    regions = page.all("div", role="region")
    assert {str(r["aria-labelledby"]) for r in regions if "aria-labelledby" in r} == captions
    assert all(r["tabindex"] == "0" for r in regions), "who has no mouse can scroll them"


def test_everything_drawn_is_said(page: Reader, found: Evaluation) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert all(image.get("alt") and image.get("width") for image in page.all("img"))
    drawn = page.all("svg", role="img")
    charts = charts_of(found)
    assert len(drawn) == len(charts) >= 5
    assert all("2009" in str(s["aria-label"]) for s in drawn)
    assert all(s.get("role") == "img" or s.get("aria-hidden") == "true" for s in page.all("svg"))
    captions = [text for text in page.texts["span"] if text.endswith(", values")]
    assert captions == [f"{chart.title}, values" for chart in charts]


def test_names_are_unique_and_lead_somewhere(page: Reader) -> None:
    names = [str(attrs["id"]) for _, attrs in page.tags if attrs.get("id")]
    assert len(set(names)) == len(names)
    inner = [address[1:] for tag, address in addresses(page) if tag == "a" and address[0] == "#"]
    assert inner[0] == "main", "the first stop leads to the content"
    assert set(inner) <= set(names)
    (main,) = page.all("main")
    assert main["tabindex"] == "-1", "focus can be put there"
    for _, attrs in page.tags:
        for key in ("for", "aria-labelledby"):
            assert attrs.get(key) in {None, *names}


def test_controls_are_named_and_speak(page: Reader) -> None:
    (slider,) = page.all("input", type="range")
    assert slider["id"] in {label.get("for") for label in page.all("label")}
    assert slider["aria-valuetext"] == "2009"
    buttons = page.all("button")
    assert all(button["type"] == "button" for button in buttons)
    assert {"One map back", "One map on", "Zoom in", "Zoom out"} <= {
        str(button.get("aria-label")) for button in buttons
    }
    assert page.all("p", **{"aria-live": "polite"}), "what the cursor points at"


def test_without_scripts_the_last_maps_are_there_and_nothing_pretends(page: Reader) -> None:
    shown = {str(image["data-map"]): image for image in page.all("img") if "data-map" in image}
    assert list(shown) == ["initial", "truth", "own", "difference"]
    data = json.loads(next(t for t in page.texts["script"] if t.startswith("{")))
    for name in ("truth", "own", "difference"):
        assert shown[name]["src"] == data["frames"][-1][name]
    assert "hidden" in page.all("div", **{"class": "tools"})[0]
    keys = [button for button in page.all("button") if "data-colour" in button]
    assert all("disabled" in key and key["aria-pressed"] == "false" for key in keys)
    marks = [key.get("data-mark") for key in keys[-5:]]
    assert len(set(marks)) == 5, "each part has a mark of its own"


def test_the_script_gets_every_year_and_where_it_lies(page: Reader, found: Evaluation) -> None:
    data = json.loads(next(t for t in page.texts["script"] if t.startswith("{")))
    assert [frame["time"] for frame in data["frames"]] == [str(t) for t in found.ticks]
    assert (data["layout"]["width"], data["layout"]["height"]) == (48, 40)
    assert data["layout"]["north"] - 40 * data["layout"]["down"] == pytest.approx(48.0)


def test_the_model_is_told_from_what_it_is_compared_with(html: str) -> None:
    for name in ("persistence", "kernel", "random"):
        assert f'<tr class="baseline"><th scope="row">{name} <small>baseline</small></th>' in html
    assert '<tr class="control"><th scope="row">mine, shuffled <small>control</small></th>' in html
    assert '<tr class="model"><th scope="row">mine</th>' in html
    part = Tables((), model="kernel")
    kinds = ["kernel", "kernel, gains", "kernel, shuffled", "random, gains", "kernels", "truth"]
    assert [part.row_kind(name) for name in kinds] == [
        "model",
        "model",
        "control",
        "baseline",
        "",
        "",
    ]
    tags = [part.tag(name) for name in ("kernel", "kernel, shuffled", "random", "random, gains")]
    assert tags == ["", "control", "baseline", ""]
    assert Tables(()).row_kind("kernel") == "", "a table of no model sets nothing off"


def test_groups_of_columns_begin_where_the_second_line_changes() -> None:
    def starts(*heads: str) -> list[int]:
        return Tables.starts(Table("t", ("", *heads), ()))

    assert starts("FoM\n2000", "acc.\n2000", "FoM\nmean", "acc.\nmean") == [1, 3]
    assert starts("hits", "misses", "rightly\nleft") == []


def test_what_is_looked_up_is_folded_by_itself() -> None:
    rows = tuple((str(n), "x") for n in range(41))
    assert Tables.is_long(Table("Files", ("file", "SHA-256"), rows, numeric=False))
    assert not Tables.is_long(Table("Years", ("", "score"), rows))
    assert not Tables.is_long(Table("Files", ("file", "SHA-256"), rows[:5], numeric=False))


def test_what_is_folded_is_opened_by_a_line(page: Reader) -> None:
    details = page.all("details")
    assert len(page.all("summary")) == len(details) >= 3
    assert all("open" not in part for part in details)


def test_print_and_phone_have_a_style(page: Reader) -> None:
    css = "".join(page.texts["style"])
    printed = css.partition("@media print")[2]
    assert "print-color-adjust:exact" in printed
    assert "details::details-content" in printed
    dark = re.findall(r"@media ([^{]*)\(prefers-color-scheme:dark\)", css)
    assert dark == ["screen and "], "a page is printed on white"

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ai4land.download import Dataset, Item, dataset, datasets, fetch, links_in, measured, wanted
from ai4land.download.transfer import partial
from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.sources import SOURCES

pytest.importorskip("pooch", reason="the extra `download` is missing")

BODY = np.random.default_rng(0).integers(0, 256, 3_000_000, dtype=np.uint8).tobytes()


@dataclass
class Provider:
    """A server of one file, with faults on demand.

    Attributes:
        cuts: Bytes after which the connections to come are cut, in order.
        body: What is served.
        ranges: Whether parts are served.
        tag: Version of the file.
        asked: ``Range`` header of each request, or ``None``.
        password: Basic authorisation that is wanted.
        busy: Requests to come that are answered with 503.
    """

    cuts: list[int] = field(default_factory=list)
    body: bytes = BODY
    ranges: bool = True
    tag: str = '"one"'
    asked: list[str | None] = field(default_factory=list)
    password: str | None = None
    busy: int = 0
    url: str = ""


@pytest.fixture
def provider() -> Iterator[Provider]:
    served = Provider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(served.body)))
            self.end_headers()

        def do_GET(self) -> None:
            if self.path.startswith("/moved"):
                self._empty(302, Location="/data/states.nc")
            elif not self.path.startswith("/data"):
                self._empty(404)
            elif served.password and self.headers.get("Authorization") != served.password:
                self._empty(401)
            elif served.busy:
                served.busy -= 1
                self._empty(503)
            else:
                self._file()

        def _empty(self, code: int, **headers: str) -> None:
            self.send_response(code)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def _file(self) -> None:
            wanted_range = self.headers.get("Range")
            served.asked.append(wanted_range)
            fresh = self.headers.get("If-Range") in {None, served.tag}
            start = 0
            if wanted_range and served.ranges and fresh:
                start = int(wanted_range.removeprefix("bytes=").removesuffix("-"))
            total = len(served.body)
            if start >= total:
                self._empty(416, **{"Content-Range": f"bytes */{total}"})
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            self.send_header("Content-Length", str(total - start))
            self.send_header("ETag", served.tag)
            self.end_headers()
            stop = start + served.cuts.pop(0) if served.cuts else total
            self.wfile.write(served.body[start:stop])
            if stop < total:
                self.wfile.flush()
                self.connection.shutdown(2)
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}/data/states.nc"
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def product(url: str, **more: object) -> Dataset:
    """A product of one file."""
    file = {key: more.pop(key) for key in ("bytes", "hash", "name") if key in more}
    return Dataset.model_validate(
        {
            "title": "T",
            "page": "http://x",
            "licence": "L",
            "citation": "C",
            "files": [{"url": url, **file}],
            **more,
        }
    )


def get(source: Dataset, folder: Path) -> Path:
    return fetch(source, wanted(source, folder), folder)[0]


def ledger(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "checksums.json").read_text(encoding="utf-8"))
    return found


class TestTransfer:
    def test_a_file_arrives_whole_and_its_checksum_is_kept(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        seen: list[tuple[str, int, int | None]] = []
        source = product(provider.url)
        items = wanted(source, tmp_path)
        [path] = fetch(source, items, tmp_path, lambda *a: seen.append(a))
        assert path.read_bytes() == BODY
        assert seen[-1] == ("states.nc", len(BODY), len(BODY))
        digest = hashlib.sha256(BODY).hexdigest()
        assert ledger(tmp_path) == {
            "states.nc": {"sha256": digest, "bytes": len(BODY), "url": provider.url}
        }
        assert sorted(p.name for p in tmp_path.iterdir()) == ["checksums.json", "states.nc"]

    def test_a_connection_cut_in_the_middle_is_resumed_by_range(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        provider.cuts = [1_200_000, 500_000]
        assert get(product(provider.url), tmp_path).read_bytes() == BODY
        assert provider.asked[0] is None
        first, second = (int(str(a).removeprefix("bytes=")[:-1]) for a in provider.asked[1:])
        assert 0 < first <= 1_200_000
        assert first < second <= 1_700_000

    def test_a_later_call_goes_on_where_the_last_gave_up(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        provider.cuts = [1_100_000] + [0] * 5
        source = product(provider.url)
        with pytest.raises(SourceError, match=r"(?s)keeps breaking off.*states\.nc.*are kept"):
            get(source, tmp_path)
        have = partial(tmp_path / "states.nc").stat().st_size
        assert have > 0
        assert not (tmp_path / "states.nc").exists()
        item = wanted(source, tmp_path)[0]
        assert (item.have, item.whole) == (have, False)
        provider.cuts = []
        provider.asked.clear()
        assert get(source, tmp_path).read_bytes() == BODY
        assert provider.asked == [f"bytes={have}-"]

    def test_a_server_without_ranges_starts_again(self, provider: Provider, tmp_path: Path) -> None:
        provider.cuts, provider.ranges = [1_000_000], False
        assert get(product(provider.url), tmp_path).read_bytes() == BODY

    def test_a_file_that_changed_meanwhile_is_not_patched_together(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        provider.cuts = [1_000_000] + [0] * 5
        with pytest.raises(SourceError, match="breaking off"):
            get(product(provider.url), tmp_path)
        provider.cuts, provider.body, provider.tag = [], BODY[::-1], '"two"'
        assert get(product(provider.url), tmp_path).read_bytes() == BODY[::-1]

    def test_a_part_that_is_all_of_it_is_taken(self, provider: Provider, tmp_path: Path) -> None:
        partial(tmp_path / "states.nc").write_bytes(BODY)
        assert get(product(provider.url), tmp_path).read_bytes() == BODY

    def test_a_part_that_is_too_long_is_thrown_away(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        partial(tmp_path / "states.nc").write_bytes(BODY + b"more")
        assert get(product(provider.url), tmp_path).read_bytes() == BODY

    def test_redirects_are_followed(self, provider: Provider, tmp_path: Path) -> None:
        url = provider.url.replace("/data/", "/moved/")
        assert get(product(url), tmp_path).read_bytes() == BODY

    def test_a_busy_server_is_asked_again(self, provider: Provider, tmp_path: Path) -> None:
        provider.busy = 2
        assert get(product(provider.url), tmp_path).read_bytes() == BODY

    def test_what_the_server_does_not_have_is_named(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        url = provider.url.replace("/data/", "/gone/")
        with pytest.raises(MissingFileError, match=r"(?s)does not have.*/gone/.*404.*page"):
            get(product(url), tmp_path)
        assert not list(tmp_path.iterdir())

    def test_a_server_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"(?s)keeps breaking off.*127\.0\.0\.1:9/x\.nc"):
            get(product("http://127.0.0.1:9/x.nc"), tmp_path)


class TestChecksums:
    def test_a_wrong_checksum_is_refused_and_not_kept(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        source = product(provider.url, hash="md5:" + "0" * 32)
        with pytest.raises(SourceError, match=r"(?s)checksum of the file is wrong.*md5:000"):
            get(source, tmp_path)
        assert not list(tmp_path.iterdir())

    def test_a_published_checksum_that_fits(self, provider: Provider, tmp_path: Path) -> None:
        digest = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
        assert get(product(provider.url, hash=f"md5:{digest}"), tmp_path).exists()

    def test_the_first_checksum_holds_ever_after(self, provider: Provider, tmp_path: Path) -> None:
        source = product(provider.url)
        path = get(source, tmp_path)
        provider.asked.clear()
        assert get(source, tmp_path) == path
        assert provider.asked == []
        path.write_bytes(BODY[:-1] + b"x")
        with pytest.raises(SourceError, match=r"(?s)checksum.*wrong.*checksums\.json.*remove"):
            get(source, tmp_path)
        path.unlink()
        provider.body = BODY[::-1]
        with pytest.raises(SourceError, match=r"(?s)was not kept.*remove its entry"):
            get(source, tmp_path)
        assert not path.exists()

    def test_a_file_put_there_by_hand_is_recorded(self, provider: Provider, tmp_path: Path) -> None:
        (tmp_path / "states.nc").write_bytes(BODY)
        get(product(provider.url), tmp_path)
        assert provider.asked == []
        assert ledger(tmp_path)["states.nc"]["bytes"] == len(BODY)

    def test_another_size_than_the_provider_says(self, provider: Provider, tmp_path: Path) -> None:
        source = product(provider.url, bytes=len(BODY) + 1)
        for _ in range(2):
            with pytest.raises(SourceError, match=r"(?s)another size.*3000001.*3000000"):
                get(source, tmp_path)

    def test_a_damaged_ledger_is_named(self, provider: Provider, tmp_path: Path) -> None:
        (tmp_path / "checksums.json").write_text("{")
        with pytest.raises(SourceError, match="file of checksums is damaged"):
            get(product(provider.url), tmp_path)


class TestAccounts:
    def test_a_closed_door_names_the_providers_own_configuration(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        provider.password = "Basic nobody"
        source = product(provider.url, credentials="earthdata")
        with pytest.raises(SourceError, match=r"(?s)does not let us in.*401.*~/\.netrc"):
            get(source, tmp_path)

    def test_the_account_comes_from_netrc_and_is_not_kept(
        self, provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password secret\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        provider.password = "Basic bWU6c2VjcmV0"
        folder = tmp_path / "data"
        assert get(product(provider.url, credentials="earthdata"), folder).read_bytes() == BODY
        assert "secret" not in (folder / "checksums.json").read_text()

    def test_the_climate_data_store_is_asked_by_its_own_client(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[str, dict[str, Any]]] = []

        class Client:
            def __init__(self, quiet: bool) -> None:
                assert quiet

            def retrieve(self, name: str, request: dict[str, Any], target: str) -> None:
                asked.append((name, request))
                if request["year"] == ["2001"]:
                    raise Exception("no account")
                Path(target).write_bytes(b"CDF")

        module = ModuleType("cdsapi")
        monkeypatch.setattr(module, "Client", Client, raising=False)
        monkeypatch.setitem(sys.modules, "cdsapi", module)
        source = dataset("era5_land_monthly")
        items = wanted(source, tmp_path, years=(2000, 2001))
        assert [i.name for i in items] == [f"era5_land_monthly_{y}.nc" for y in (2000, 2001)]
        with pytest.raises(SourceError, match=r"(?s)did not give.*2001.*no account.*\.cdsapirc"):
            fetch(source, items, tmp_path)
        assert asked[0][0] == "reanalysis-era5-land-monthly-means"
        assert asked[0][1]["year"] == ["2000"]
        assert list(ledger(tmp_path)) == ["era5_land_monthly_2000.nc"]
        assert not (tmp_path / "era5_land_monthly_2001.nc").exists()


class TestPlans:
    def test_what_is_here_is_known_before_anything_is_fetched(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        source = product(provider.url, bytes=len(BODY))
        [item] = wanted(source, tmp_path)
        assert (item.have, item.size, item.missing) == (0, len(BODY), len(BODY))
        partial(tmp_path / "states.nc").write_bytes(BODY[:1000])
        [item] = wanted(source, tmp_path)
        assert (item.have, item.missing) == (1000, len(BODY) - 1000)
        assert provider.asked == []

    def test_sizes_are_asked_for_where_none_is_known(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        [item] = measured(wanted(product(provider.url), tmp_path))
        assert item.size == len(BODY)
        gone: Sequence[Item] = wanted(product("http://127.0.0.1:9/x.nc"), tmp_path)
        assert measured(gone)[0].size is None

    def test_patterns_and_years_choose(self, tmp_path: Path) -> None:
        states = wanted(dataset("luh2_v2f"), tmp_path, only="multiple-states*ssp245*")
        assert [i.remote.url for i in states if i.remote] == [
            "https://luh.umd.edu/LUH2/LUH2_v2f/MESSAGE/multiple-states_input4MIPs_landState_"
            "ScenarioMIP_UofMD-MESSAGE-ssp245-2-1-f_gn_2015-2100.nc"
        ]
        with pytest.raises(ConfigError, match=r"(?s)No file.*states\.nc.*nothing\*"):
            wanted(dataset("luh2_v2h"), tmp_path, only="nothing*")
        with pytest.raises(ConfigError, match=r"(?s)cannot be requested.*1950.*1900"):
            wanted(dataset("era5_land_monthly"), tmp_path, years=(1900, 1960))

    def test_more_than_the_disk_holds_is_refused_at_once(
        self, provider: Provider, tmp_path: Path
    ) -> None:
        with pytest.raises(SourceError, match="do not fit on the disk"):
            get(product(provider.url, bytes=10**18), tmp_path)
        assert provider.asked == []

    def test_links_of_a_list_are_fetched(self, provider: Provider, tmp_path: Path) -> None:
        (tmp_path / "links.txt").write_text(f"# tiles\n\n{provider.url}\n")
        links = links_in(tmp_path / "links.txt")
        source = dataset("modis_lai")
        items = wanted(source, tmp_path / "tiles", links=links)
        [path] = fetch(source, items, tmp_path / "tiles")
        assert path.read_bytes() == BODY
        (tmp_path / "links.txt").write_text("ftp://x\n")
        with pytest.raises(ConfigError, match=r"(?s)no address.*ftp://x"):
            links_in(tmp_path / "links.txt")
        with pytest.raises(ConfigError, match="Cannot read the list"):
            links_in(tmp_path / "absent.txt")


class TestRegistry:
    def test_every_entry_says_what_a_person_must_know(self) -> None:
        for name, found in datasets().items():
            assert found.title, name
            assert found.licence, name
            assert found.citation, name
            assert found.page.startswith("https://"), name
            assert found.reader is None or found.reader in SOURCES, name
            assert not found.by_hand or found.note, name
            names = [file.file_name for file in found.remote]
            assert len(set(names)) == len(names), name
            assert all(file.url.startswith("https://") for file in found.remote), name

    def test_a_misspelt_product_names_the_nearest(self) -> None:
        with pytest.raises(ConfigError, match=r"(?s)Unknown product.*did you mean 'luh2_v2h'"):
            dataset("luh2_v2g")

    def test_known_sizes_and_checksums(self) -> None:
        [archive] = dataset("hilda_v2").remote
        assert archive.bytes == 3755961841
        assert archive.hash == "md5:56fe959df25d8efbc542b90cf971945f"
        assert len(dataset("luh2_v2f").remote) == 24


def test_a_kill_leaves_only_the_part(provider: Provider, tmp_path: Path) -> None:
    """While a file is on its way nothing else of it lies in the folder."""
    found: list[list[str]] = []
    source = product(provider.url)

    def look(*_: object) -> None:
        found.append(sorted(os.listdir(tmp_path)))

    fetch(source, wanted(source, tmp_path), tmp_path, look)
    assert found[-1] == ["states.nc.part", "states.nc.part.json"]

#!/usr/bin/env bats
# check --report: one page with pictures, which shows names of any kind as text.

load common

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 20 2 40 1
    mv photos/train/class0 'photos/train/<img src=x onerror=alert(1)>'
    mv photos/val/class0 'photos/val/<img src=x onerror=alert(1)>'
    set -- photos/train/class1/*
    cp "$1" photos/train/class1/'"><script>alert(2)<'
    cp "$2" photos/train/'<img src=x onerror=alert(1)>'/copy.png
    touch photos/val/class1/empty.jpg
}

@test "--report writes a page with a picture of each photo, pairs side by side, and the numbers" {
    run_split "$FREEZETUNE" check photos --near off --report page.html
    [ "$status" = 1 ]
    python3 - page.html <<'END'
import base64, html.parser, json, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
class Page(html.parser.HTMLParser):
    images, links, tags, data, inside = [], set(), [], "", None
    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        assert not any(name.startswith("on") for name in attributes), attributes
        if tag == "img":
            self.images.append(attributes["src"])
        if "id" in attributes:
            self.links.add(attributes["id"])
        self.inside = tag == "script" and attributes.get("id") == "data"
    def handle_endtag(self, tag):
        self.inside = False
    def handle_data(self, data):
        if self.inside:
            self.data += data
page = Page()
page.feed(text)
found = json.loads(page.data)
pairs = [f for f in found["findings"] if f["other_file"]]
tiny = [f for f in found["findings"] if f["problem"] == "tiny"]
assert len(pairs) == 2 and len(tiny) == 46, (len(pairs), len(tiny))
assert len(page.images) == 46 + 2 * len(pairs), len(page.images)
for source in page.images:
    kind, data = source.split(",")
    assert kind == "data:image/jpeg;base64" and base64.b64decode(data)[:2] == b"\xff\xd8"
assert page.tags.count("script") == 2 and text.count("Content-Security-Policy") == 1
assert re.search(r"<p>class <b>class\d</b><span class=soft>; score ", text)
assert "&lt;img src=x onerror=alert(1)&gt;" in text and "an empty file" in text
assert all(link in page.links for link in re.findall(r'href="#(\w+)"', text))
END
    "$FREEZETUNE" check photos --near off --report again.html --threads 1 >/dev/null || [ $? = 1 ]
    cmp page.html again.html
}

@test "a page that cannot be written is 73; without problems it says so" {
    fails 73 'none/page.html' "$FREEZETUNE" check photos --near off --report none/page.html
    "$BUILD/tests/tools/make_photos" good 2 20 2 96 1
    "$FREEZETUNE" check good --near off --report page.html >/dev/null
    grep -qF 'No problems were found.' page.html
}

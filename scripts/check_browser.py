"""What chromium makes of reports: check_browser.py RUN|FOLDS|EVAL.html|CHECK.html...

For each RUN/report.html: no message on the console, no breach of the policy, no request; the cells of the matrix are those of
confusion.csv; the points of the curves, mapped back by the axes, are those of metrics.csv; a click on a cell shows its photos
alone; tables sort; nothing scrolls sideways at 360 and 1280 pixels; every picture is one; without scripts the same is there;
on paper the tables are whole. The page of a `--folds` run is compared with the files of its folds: folds.csv, the sum of their
confusion.csv and their predictions_val.csv. The page of `eval --report` is compared with EVAL.json, what --json printed beside it, that of
`check --report` with CHECK.tsv. Exit code 1 at the first that is not so.
"""
import base64
import csv
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

PHOTOS = 200  # what a page shows at most, unless --photos says otherwise
CHARTS = """return [...document.querySelectorAll('#curves figure, #folds figure')].map(f => ({
    title: f.querySelector('title').textContent,
    x: f.querySelector('svg').dataset.x.split(' ').map(Number), y: f.querySelector('svg').dataset.y.split(' ').map(Number),
    dots: [...f.querySelectorAll('circle')].map(c => [c.getAttribute('class'), +c.getAttribute('cx'), +c.getAttribute('cy')])}))"""
CELLS = """return [...document.querySelectorAll('#matrix tbody tr')].map(r => [...r.querySelectorAll('td')].map(
    d => Number(d.querySelector('a, span').firstChild.data)))"""
VISIBLE = "return [...document.querySelectorAll('.p')].filter(p => p.offsetParent !== null).map(p => p.className)"


def browser():
    options = Options()
    options.binary_location = shutil.which("chromium")
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    driver.set_page_load_timeout(60)
    return driver


def size(driver, width):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})


def requests(driver):
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]


def look_at_names(driver, page):
    assert driver.execute_script("return window.__xss") is None, "a name ran as a script"
    log = [entry for entry in driver.get_log("browser")]
    assert not log, log
    asked = [url for url in requests(driver) if not url.startswith(("data:", page.as_uri()))]
    assert not asked, asked


def matrix_of(run):
    rows = list(csv.reader(open(run / "confusion.csv", encoding="utf-8")))
    return [[int(cell) for cell in row[1:]] for row in rows[1:]]


def numbers(driver):
    return json.loads(driver.find_element("id", "data").get_attribute("textContent"))


def look_at_matrix(driver, wanted):
    assert driver.execute_script(CELLS) == wanted, "the matrix"
    data = numbers(driver)
    names = [row["class"] for row in data["by_class"]]
    cards = Counter((names.index(photo["class"]), names.index(photo["predicted"])) for photo in data["photos"])
    assert len(data["photos"]) == min(sum(map(sum, wanted)), PHOTOS), "the photos"
    for label, row in enumerate(wanted):
        for predicted in range(len(row)):
            count = cards[label, predicted]  # of the cell's photos, the page has those that it chose
            assert count <= row[predicted], (label, predicted)
            links = driver.find_elements("css selector", f'#matrix a[href="#c{label}-{predicted}"]')
            assert len(links) == (count > 0), (label, predicted)
            if not count:
                continue
            links[0].click()
            shown = driver.execute_script(VISIBLE)
            assert len(shown) == count and all(f"c{label}-{predicted}" in name.split() for name in shown), (label, predicted)
            WebDriverWait(driver, 10).until(lambda d: d.find_element("id", "said").text.startswith(f"{count} photo"))
    driver.find_element("css selector", ".show-all").click()
    assert len(driver.execute_script(VISIBLE)) == cards.total(), "all photos"


def look_at_curves(driver, table, x_column, columns):
    rows = list(csv.DictReader(open(table, encoding="utf-8")))
    found = {}
    for chart in driver.execute_script(CHARTS):
        (x0, x1, left, right), (y0, y1, bottom, top) = chart["x"], chart["y"]
        for kind, cx, cy in chart["dots"]:
            found.setdefault((chart["title"], kind), []).append(
                (x0 + (cx - left) / (right - left) * (x1 - x0), y0 + (cy - bottom) / (top - bottom) * (y1 - y0), y1 - y0))
    for key, column in columns.items():
        assert len(found[key]) == len(rows), key
        for (x, y, span), row in zip(found[key], rows):
            # Coordinates have four digits behind the point, and an axis is at least 90 units long.
            assert abs(x - float(row[x_column])) < 1e-4 * len(rows) and abs(y - float(row[column])) < 1e-5 * span, (key, x, y)


def look_at_sorting(driver):
    table = driver.find_element("id", "by-class")
    head = table.find_elements("css selector", "th")[3]
    keys = "return [...arguments[0].tBodies[0].rows].map(r => Number(r.cells[3].dataset.v))"
    head.click()
    down = driver.execute_script(keys, table)
    head.click()
    assert down == sorted(down, reverse=True) and driver.execute_script(keys, table) == sorted(down), "sorting"


def look_at_layout(driver):
    for width in (360, 1280):
        size(driver, width)
        wide, inner = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert inner == width and wide <= width, f"{wide} pixels wide at {width}"
    broken = driver.execute_script("return [...document.images].filter(i => !i.complete || !i.naturalWidth).length")
    assert driver.execute_script("return document.images.length") > 0 and broken == 0, f"{broken} pictures"


def without_scripts(driver, page):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    driver.get(page.as_uri() + "?without")
    root = driver.execute_cdp_cmd("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    text = driver.execute_cdp_cmd("DOM.getOuterHTML", {"nodeId": root})["outerHTML"]
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert 'class="copy"' not in text.split("<script>")[0], "scripts ran"
    return text, json.loads(text.split('id="data">')[1].split("</script>")[0])


def look_without_scripts(driver, page, accuracy):
    text, data = without_scripts(driver, page)
    assert f"{100 * accuracy:.1f}" in text.split("</b>")[0], "the accuracy"
    for row in data.get("epochs", []):
        assert f'{row["val_loss"]:.4f}' in text, "the table of epochs"
    cells = re.findall(r'<(?:a|span)[^<>]*>(\d+)(?: <small>|</span>)', text.split('id="matrix"')[1].split("</table>")[0])
    assert list(map(int, cells)) == sum(data["confusion"], []), "the matrix"
    photos = min(sum(sum(row) for row in data["confusion"]), PHOTOS)
    assert text.count('class="p c') == len(data["photos"]) == photos, "the photos"


def look_at_paper(driver):
    pdf = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert pdf.startswith(b"%PDF") and b"/Page" in pdf
    if not shutil.which("pdftotext"):
        return
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(pdf)
        file.flush()
        text = subprocess.run(["pdftotext", "-layout", file.name, "-"], capture_output=True, check=True).stdout.decode()
    names = driver.execute_script("return [...document.querySelectorAll('#by-class td.name')].map(d => d.textContent)")
    for name in names:
        assert name[:4].strip() in text or not name.isascii(), f"{name} is not on paper"


def look_at_run(driver, run, page):
    look_at_curves(driver, run / "metrics.csv", "epoch", {
        ("Loss", "k0"): "val_loss", ("Loss", "k1"): "train_loss", ("Accuracy", "k0"): "val_accuracy",
        ("Accuracy", "k1"): "train_accuracy", ("Learning rate", "k5"): "lr"})
    look_at_matrix(driver, matrix_of(run))
    look_at_sorting(driver)
    look_at_layout(driver)
    look_at_paper(driver)
    look_at_names(driver, page)
    look_without_scripts(driver, page, json.loads((run / "result.json").read_text())["val_accuracy"])


def look_at_folds(driver, folder, page):
    folds = [row["fold"] for row in csv.DictReader(open(folder / "folds.csv", encoding="utf-8"))]
    look_at_curves(driver, folder / "folds.csv", "fold", {
        ("Accuracy with 95 % intervals", "k0"): "val_accuracy", ("Validation loss", "k1"): "val_loss"})
    wanted = [[sum(cells) for cells in zip(*rows)] for rows in zip(*(matrix_of(folder / f"fold-{k}") for k in folds))]
    answers = Counter()
    for k in folds:
        with open(folder / f"fold-{k}" / "predictions_val.csv", encoding="utf-8", newline="") as file:
            answers.update((f"fold-{k}", row["file"], row["predicted"]) for row in csv.DictReader(file))
    photos = Counter((photo["run"], photo["file"], photo["predicted"]) for photo in numbers(driver)["photos"])
    assert photos <= answers and len({run for run, _, _ in photos}) == len(folds), "the photos of the folds"
    links = [link.get_attribute("href") for link in driver.find_elements("css selector", "#by-fold a")]
    assert links == [(folder / f"fold-{k}" / "report.html").resolve().as_uri() for k in folds], links
    look_at_matrix(driver, wanted)
    look_at_sorting(driver)
    look_at_layout(driver)
    look_at_paper(driver)
    look_at_names(driver, page)
    look_without_scripts(driver, page, sum(row[i] for i, row in enumerate(wanted)) / sum(map(sum, wanted)))


def look_at_eval(driver, page):
    told = json.loads(page.with_suffix(".json").read_text())
    data = numbers(driver)
    assert data["right"] == sum(row[i] for i, row in enumerate(told["confusion"])), "right answers"
    for key in ("accuracy", "macro_f1", "loss"):
        assert abs(data[key] - told[key]) < 1e-9, key
    look_at_matrix(driver, told["confusion"])
    look_at_sorting(driver)
    look_at_layout(driver)
    look_at_paper(driver)
    look_at_names(driver, page)
    look_without_scripts(driver, page, told["accuracy"])


def look_at_check(driver, page):
    with open(page.with_suffix(".tsv"), encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    wanted = Counter(row[rows[0].index("problem")] for row in rows[1:])
    assert wanted, "there is nothing to look at"
    counts = driver.find_elements("css selector", "#counts tbody tr")
    found = {row.find_elements("css selector", "td")[0].text: int(row.find_elements("css selector", "td")[1].text)
             for row in counts}
    assert found == wanted, (found, wanted)
    for link in driver.find_elements("css selector", "#counts a"):
        assert driver.find_elements("id", link.get_attribute("href").split("#")[1]), "a link without a section"
    assert len(numbers(driver)["findings"]) == sum(wanted.values()), "the numbers"
    look_at_layout(driver)
    look_at_names(driver, page)
    text, data = without_scripts(driver, page)
    assert text.count("<section") == 1 + len(wanted) and len(data["findings"]) == sum(wanted.values()), "without scripts"


def main(paths):
    driver = browser()
    try:
        for path in map(Path, paths):
            page = (path / "report.html" if path.is_dir() else path).resolve()
            size(driver, 1280)
            driver.get_log("performance")  # of the page before
            driver.get(page.as_uri())
            if (path / "folds.csv").exists():
                look_at_folds(driver, path, page)
            elif path.is_dir():
                look_at_run(driver, path, page)
            elif page.with_suffix(".tsv").exists():
                look_at_check(driver, page)
            else:
                look_at_eval(driver, page)
            print(f"check-browser: {path}: {page.stat().st_size:,} bytes, all as it should be")
    finally:
        driver.quit()


main(sys.argv[1:])

// The page is whole without this: it sorts tables, copies the command and says what the gallery shows.
"use strict";
(function () {
    function value(row, column) {
        var cell = row.cells[column];
        var own = cell.getAttribute("data-v");
        return own === null ? cell.textContent.trim().toLowerCase() : Number(own);
    }
    function sort(table, column) {
        var body = table.tBodies[0], heads = table.tHead.rows[0].cells, head = heads[column];
        var down = head.getAttribute("aria-sort") !== "descending";
        var rows = Array.prototype.map.call(body.rows, function (row, i) {
            return { row: row, key: value(row, column), i: i };
        });
        rows.sort(function (a, b) {
            var order = a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
            return (down ? -order : order) || a.i - b.i;
        });
        rows.forEach(function (r) { body.appendChild(r.row); });
        Array.prototype.forEach.call(heads, function (h) { h.setAttribute("aria-sort", "none"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
    }
    document.querySelectorAll("table.sort").forEach(function (table) {
        Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
            head.tabIndex = 0;
            head.setAttribute("aria-sort", "none");
            head.addEventListener("click", function () { sort(table, column); });
            head.addEventListener("keydown", function (event) {
                if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(table, column); }
            });
        });
    });

    document.querySelectorAll("pre.command").forEach(function (pre) {
        var button = document.createElement("button");
        button.className = "copy";
        button.type = "button";
        button.textContent = "Copy";
        button.addEventListener("click", function () {
            var range = document.createRange();
            range.selectNodeContents(pre);
            var selection = getSelection();
            selection.removeAllRanges();
            selection.addRange(range);
            button.textContent = document.execCommand("copy") ? "Copied" : "Selected: press Ctrl-C";
        });
        pre.after(button);
    });

    var said = document.getElementById("said");
    function say() {
        if (!said)
            return;
        var cell = /^#c(\d+)-(\d+)$/.exec(location.hash), link = cell && document.querySelector('a[href="' + location.hash + '"]');
        if (!link) {
            said.textContent = "";
            return;
        }
        var count = document.querySelectorAll(".p." + location.hash.slice(1)).length;
        said.textContent = count + (count === 1 ? " photo: " : " photos: ") + link.title;
    }
    addEventListener("hashchange", say);
    addEventListener("keydown", function (event) {
        if (event.key === "Escape" && location.hash.indexOf("#c") === 0)
            location.hash = "#photos";
    });
    say();
})();

/* The frame of a page: one file of HTML that fetches nothing and is readable without its script, in light and dark, on
 * a phone and on paper.
 *
 *   <meta Content-Security-Policy: default-src 'none'; img-src data:; style-src 'unsafe-inline';
 *         script-src 'sha256-...'; base-uri 'none'; form-action 'none'>
 *   style (page.css), header (title, links to the sections), main, footer, script (page.js: the one that is allowed)
 *
 * page.css and page.js are compiled into the program (Makefile); both are ASCII.
 */
#ifndef FREEZETUNE_HTML_PAGE_H
#define FREEZETUNE_HTML_PAGE_H

#include <stddef.h>
#include <stdio.h>

struct page_link {
    const char *id, *name; /* ASCII, as they are */
};

struct page_head {
    const char *title;    /* escaped here, like the next */
    const char *subtitle; /* or NULL */
    const struct page_link *links;
    size_t link_count;
    unsigned refresh; /* seconds after which a browser loads it again; 0: never */
};

/* Down to <main>. */
void page_begin(FILE *out, const struct page_head *head);
/* From </main> on. */
void page_end(FILE *out);

/* <section id=...><h2>name</h2>, and its end. */
void page_section(FILE *out, const char *id, const char *name);
void page_section_end(FILE *out);

/* <script type="application/json" id="data"> with these numbers. */
void page_data(FILE *out, const char *json, size_t size);

/* 'sha256-...' of the page's script: 52 characters and a NUL. */
enum { PAGE_SCRIPT_HASH = 54 };
void page_script_hash(char out[PAGE_SCRIPT_HASH]);

extern const char page_css[], page_js[]; /* page.css, page.js */

#endif

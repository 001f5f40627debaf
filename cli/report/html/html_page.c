#define _GNU_SOURCE
#include "cli/report/html/html_page.h"

#include <stdint.h>
#include <string.h>

#include "cli/report/html/html_text.h"
#include "core/base/sha256.h"

static int digit_of(char hex)
{
    return hex <= '9' ? hex - '0' : hex - 'a' + 10;
}

void page_script_hash(char out[PAGE_SCRIPT_HASH])
{
    char hex[65], text[64] = "";
    uint8_t bytes[32];
    sha256_hex(hex, page_js, strlen(page_js));
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(digit_of(hex[2 * i]) << 4 | digit_of(hex[2 * i + 1]));
    FILE *stream = fmemopen(text, sizeof text, "w");
    if (stream) {
        html_base64(stream, bytes, sizeof bytes);
        fclose(stream);
    }
    snprintf(out, PAGE_SCRIPT_HASH, "'sha256-%.44s'", text);
}

void page_begin(FILE *out, const struct page_head *head)
{
    char hash[PAGE_SCRIPT_HASH];
    page_script_hash(hash);
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", out);
    fprintf(out,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
            "'unsafe-inline'; script-src %s; base-uri 'none'; form-action 'none'\">\n",
            hash);
    fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n", out);
    if (head->refresh > 0)
        fprintf(out, "<meta http-equiv=\"refresh\" content=\"%u\">\n", head->refresh);
    fputs("<title>", out);
    html_text(out, head->title);
    fputs("</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n", out);
    fputs(page_css, out);
    fputs("</style>\n</head>\n<body>\n<header><h1>", out);
    html_text(out, head->title);
    fputs("</h1>\n", out);
    if (head->subtitle) {
        fputs("<p class=soft>", out);
        html_text(out, head->subtitle);
        fputs("</p>\n", out);
    }
    if (head->link_count > 0) {
        fputs("<nav>", out);
        for (size_t i = 0; i < head->link_count; i++)
            fprintf(out, "<a href=\"#%s\">%s</a> ", head->links[i].id, head->links[i].name);
        fputs("</nav>\n", out);
    }
    fputs("</header>\n<main>\n", out);
}

void page_end(FILE *out)
{
    fputs("</main>\n<footer>Written by freezetune " FREEZETUNE_VERSION
          ". This page fetches nothing.</footer>\n<script>",
          out);
    fputs(page_js, out);
    fputs("</script>\n</body>\n</html>\n", out);
}

void page_section(FILE *out, const char *id, const char *name)
{
    fprintf(out, "<section id=\"%s\"><h2>%s</h2>\n", id, name);
}

void page_section_end(FILE *out)
{
    fputs("</section>\n", out);
}

void page_data(FILE *out, const char *json, size_t size)
{
    fputs("<script type=\"application/json\" id=\"data\">", out);
    html_json(out, json, size);
    fputs("</script>\n", out);
}

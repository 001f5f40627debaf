/* Text of strangers in a page of HTML: file names, class names, options. Each function writes to a stream; whether
 * that worked is asked of the stream.
 *
 * A name may hold anything (`<script>alert(1)</script>` is a valid folder), so it never reaches a page but through
 * here. All bytes that a terminal must not be shown are written as text_escape writes them: \xNN for what is no UTF-8
 * and for control characters, those too that turn the order of the text.
 */
#ifndef FREEZETUNE_HTML_TEXT_H
#define FREEZETUNE_HTML_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* For text between tags and for the value of an attribute in double quotes: & < > " ' as references (HTML Standard,
 * "Escaping a string"). */
void html_text(FILE *out, const char *text);
/* The same in an element that keeps its order of writing from its neighbours: <bdi>name</bdi>. */
void html_name(FILE *out, const char *text);
/* At most about `most` characters, the rest as "...". */
void html_short(FILE *out, const char *text, size_t most);

/* JSON between <script> tags: < > & U+2028 and U+2029, which stand in its strings only, as \u003c and so on, so that
 * nothing in it ends the element (HTML Standard, "Restrictions for contents of script elements"). */
void html_json(FILE *out, const char *json, size_t size);

/* RFC 4648, with padding and without line breaks. */
void html_base64(FILE *out, const void *bytes, size_t size);
size_t html_base64_size(size_t size);

#endif

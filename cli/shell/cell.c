#include "cli/shell/cell.h"

#include <string.h>

#include "core/base/text.h"

/* Does a spreadsheet take the text for a formula, or has it the mark of one that is none? Blanks before it do not help:
 * some programs drop them. */
static bool is_marked(const char *text)
{
    static const char *const begins[] = {
        "=",           "+", "-", "@", "'", "\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D",
        "\xEF\xBC\xA0"}; /* U+FF1D, FF0B, FF0D, FF20 */
    static const char *const blanks[] = {" ", "\xC2\xA0", "\xE3\x80\x80"};
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        if (strncmp(text, blanks[i], strlen(blanks[i])) == 0)
            return is_marked(text + strlen(blanks[i]));
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(text, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

static void put_text(FILE *out, const char *text, bool csv)
{
    size_t taken;
    if (is_marked(text))
        putc('\'', out);
    for (; *text; text += taken) {
        char piece[TEXT_PIECE];
        size_t length = text_escape_next(piece, &taken, text);
        if (csv && *text == '"')
            putc('"', out);
        fwrite(piece, 1, length, out);
    }
}

static bool needs_quotes(const char *text)
{
    return strpbrk(text, ",\"") || text[0] == ' ';
}

void csv_cell(FILE *out, const char *text)
{
    bool quoted = needs_quotes(text);
    if (quoted)
        putc('"', out);
    put_text(out, text, true);
    if (quoted)
        putc('"', out);
}

void tsv_cell(FILE *out, const char *text)
{
    put_text(out, text, false);
}

/* Of a digit as text_escape_next writes it, or -1. */
static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit ? strchr(digits, digit) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* The byte that an escape at `text` stands for, and how many it takes; 0 where there is none. A NUL is in no text. */
static size_t undo_escape(char *byte, const char *text)
{
    static const char letters[] = "nt\\", bytes[] = "\n\t\\";
    const char *letter = text[0] == '\\' && text[1] ? strchr(letters, text[1]) : NULL;
    if (letter) {
        *byte = bytes[letter - letters];
        return 2;
    }
    if (text[0] != '\\' || text[1] != 'x')
        return 0;
    int high = hex_value(text[2]), low = high < 0 ? -1 : hex_value(text[3]);
    if (low < 0 || high + low == 0)
        return 0;
    *byte = (char)(high * 16 + low);
    return 4;
}

char *cell_undo(char *cell)
{
    char *to = cell;
    for (const char *from = cell + (cell[0] == '\''); *from; to++) {
        size_t taken = undo_escape(to, from);
        if (taken == 0)
            *to = *from;
        from += taken ? taken : 1;
    }
    *to = '\0';
    return cell;
}

void cell_number(FILE *out, const char *text, bool csv)
{
    bool quoted = csv && strchr(text, ',');
    fprintf(out, quoted ? "\"%s\"" : "%s", text);
}

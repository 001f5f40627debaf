#include "core/features/feature_header.h"

#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"

static const uint8_t magic[8] = "FTfeats\n";

enum { ORDER = 0x01020304 };

/* The page as it lies in the file. */
struct page {
    uint8_t magic[8];
    uint32_t version, order;
    uint8_t key[16];
    uint64_t values;
    uint32_t dtype, image_size;
    char arch[32], cut[64];
    uint8_t zeros[FEATURE_HEADER_BYTES - 144 - 8];
    uint64_t checksum;
};

_Static_assert(sizeof(struct page) == FEATURE_HEADER_BYTES && offsetof(struct page, zeros) == 144, "no gaps");

static uint64_t page_checksum(const struct page *page)
{
    return hash_bytes(page, offsetof(struct page, checksum), 0).low;
}

/* The first that has the dtype. */
static uint32_t version_of(enum feature_dtype dtype)
{
    return dtype == FEATURE_F16 || dtype == FEATURE_F32 ? 1 : 2;
}

void feature_header_write(uint8_t page[FEATURE_HEADER_BYTES], const struct feature_store_about *about)
{
    struct page out = {.version = version_of(about->dtype),
                       .order = ORDER,
                       .values = about->values,
                       .dtype = (uint32_t)about->dtype,
                       .image_size = (uint32_t)about->image_size};
    memcpy(out.magic, magic, sizeof magic);
    memcpy(out.key, about->key, sizeof out.key);
    snprintf(out.arch, sizeof out.arch, "%s", about->arch);
    snprintf(out.cut, sizeof out.cut, "%s", about->cut);
    out.checksum = page_checksum(&out);
    memcpy(page, &out, sizeof out);
}

bool feature_about_valid(const struct feature_store_about *about)
{
    return about->values >= 1 && about->values <= FEATURE_VALUES_MOST && about->dtype < FEATURE_DTYPES &&
           about->image_size >= 0 && memchr(about->arch, '\0', sizeof about->arch) &&
           memchr(about->cut, '\0', sizeof about->cut);
}

enum feature_header feature_header_read(struct feature_store_about *about, const uint8_t *page, size_t size)
{
    struct page in;
    struct feature_store_about found;
    if (memcmp(page, magic, size < sizeof magic ? size : sizeof magic) != 0)
        return FEATURE_HEADER_FOREIGN;
    if (size < sizeof in)
        return FEATURE_HEADER_UNFINISHED;
    memcpy(&in, page, sizeof in);
    if (in.order == __builtin_bswap32(ORDER))
        return FEATURE_HEADER_ORDER;
    if (in.order == ORDER && (in.version < 1 || in.version > FEATURE_VERSION))
        return FEATURE_HEADER_VERSION;
    if (in.order != ORDER || in.checksum != page_checksum(&in) || in.values > FEATURE_VALUES_MOST ||
        in.dtype >= FEATURE_DTYPES || in.version < version_of((enum feature_dtype)in.dtype) ||
        in.image_size > INT32_MAX)
        return FEATURE_HEADER_DAMAGED;
    found = (struct feature_store_about){
        .values = (size_t)in.values, .dtype = (enum feature_dtype)in.dtype, .image_size = (int)in.image_size};
    memcpy(found.key, in.key, sizeof found.key);
    memcpy(found.arch, in.arch, sizeof found.arch);
    memcpy(found.cut, in.cut, sizeof found.cut);
    if (!feature_about_valid(&found))
        return FEATURE_HEADER_DAMAGED;
    *about = found;
    return FEATURE_HEADER_GOOD;
}

const char *feature_header_text(enum feature_header header)
{
    switch (header) {
    case FEATURE_HEADER_GOOD:
        return "is a feature file";
    case FEATURE_HEADER_UNFINISHED:
        return "is a feature file that was abandoned while empty";
    case FEATURE_HEADER_FOREIGN:
        return "is not a feature file";
    case FEATURE_HEADER_VERSION:
        return "is a feature file of another version of freezetune";
    case FEATURE_HEADER_ORDER:
        return "is a feature file of a machine with another byte order";
    case FEATURE_HEADER_DAMAGED:
        break;
    }
    return "is a feature file whose header is damaged";
}

size_t feature_record_bytes(const struct feature_store_about *about)
{
    size_t bytes = about->values * (about->dtype == FEATURE_F32 ? sizeof(float) : sizeof(uint16_t));
    return FEATURE_RECORD_VALUES + (bytes + 7) / 8 * 8;
}

/* The key is in it: a record that got into another key's file is none there. */
static uint64_t record_checksum(const uint8_t *record, const struct feature_store_about *about)
{
    uint64_t seed;
    memcpy(&seed, about->key, sizeof seed);
    return hash_bytes(record + sizeof seed, feature_record_bytes(about) - sizeof seed, seed).low;
}

void feature_record_seal(uint8_t *record, const struct feature_store_about *about, const struct feature_id *id)
{
    memcpy(record + sizeof(uint64_t), id, sizeof *id);
    uint64_t checksum = record_checksum(record, about);
    memcpy(record, &checksum, sizeof checksum);
}

bool feature_record_holds(const uint8_t *record, const struct feature_store_about *about, const struct feature_id *id)
{
    uint64_t checksum = record_checksum(record, about);
    return memcmp(record, &checksum, sizeof checksum) == 0 && memcmp(record + sizeof checksum, id, sizeof *id) == 0;
}

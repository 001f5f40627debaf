/* A pickle read as data. Nothing is ever imported, called or looked up: the reader knows the opcodes and turns a pickle
 * into a tree of plain values. A name is two texts. A "call" is written down, never made: of the few functions that a
 * state dict needs it becomes a PICKLE_CALL with its arguments, of any other an opaque PICKLE_OBJECT that remembers its
 * name and state. So the objects that scripts keep beside their weights (arguments, random states, paths, classes of
 * their own) are stepped over, and only who wants a tensor where an object stands has to refuse it.
 *
 * Names with a meaning: collections.OrderedDict, Counter and defaultdict, which are dictionaries here;
 * torch._utils._rebuild_tensor_v2, _rebuild_tensor, _rebuild_parameter and _rebuild_parameter_with_state; the storage
 * types of torch (FloatStorage, ...). An object to which the pickle adds pairs or items is a dictionary or a list of
 * them, whatever its class. A persistent id stays its tuple. What they mean is for torch_state.c, which trusts none of
 * it.
 *
 * Limits: PICKLE_MAX_*. A value takes at least a byte of the pickle and at most 36 bytes of memory, so memory is at
 * most 36 times the pickle, and 150 MiB for any pickle. Values may be shared and may even contain themselves: walks of
 * the tree must bound their depth.
 */
#ifndef FREEZETUNE_PICKLE_READ_H
#define FREEZETUNE_PICKLE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "weights/weight_file.h"

enum {
    PICKLE_MAX_BYTES = 1 << 28, /* a ResNet-152's state dict has 140,000; a list of ImageNet's files 50 million */
    PICKLE_MAX_VALUES =
        1 << 22, /* a ResNet-152's state dict has about 20,000; ImageNet's order of photos 1.28 million */
    PICKLE_MAX_NAMES = 1 << 16, /* GLOBALs: a pickler writes each name once */
    PICKLE_MAX_MARKS = 256      /* how deep things may be under construction */
};

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_FLOAT, /* its value is not kept */
    PICKLE_TEXT,  /* valid UTF-8 without NUL */
    PICKLE_BYTES, /* bytes, and texts that are not that; they are not kept */
    PICKLE_SET,   /* its items are not kept */
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_GLOBAL,     /* a name */
    PICKLE_CALL,       /* one of the functions that make tensors, with a tuple of arguments */
    PICKLE_PERSISTENT, /* the tuple that names a storage */
    PICKLE_OBJECT      /* the result of any other call; opaque */
};

enum pickle_name {
    PICKLE_UNKNOWN, /* any name without a meaning here */
    PICKLE_ORDERED_DICT,
    PICKLE_COUNTER,
    PICKLE_DEFAULT_DICT,
    PICKLE_REBUILD_TENSOR,
    PICKLE_REBUILD_TENSOR_V2,
    PICKLE_REBUILD_PARAMETER,
    PICKLE_REBUILD_PARAMETER_STATE,
    PICKLE_STORAGE /* this one and all behind it: PICKLE_STORAGE + the place in pickle_storages */
};

enum { PICKLE_STORAGES = 11 };
struct pickle_storage {
    const char *name; /* torch.FloatStorage */
    enum weight_dtype dtype;
};
extern const struct pickle_storage pickle_storages[PICKLE_STORAGES];

typedef uint32_t pickle_id; /* a value: index into pickle.values */
#define PICKLE_NOTHING UINT32_MAX

struct pickle_value {
    uint8_t kind; /* enum pickle_kind */
    uint8_t name; /* GLOBAL, CALL: enum pickle_name */
    uint32_t at;  /* where in the pickle it begins; 0 for None, True, False and () */
    union {
        int64_t integer; /* BOOL, INT */
        struct {
            uint32_t begin, length; /* TEXT: bytes of the pickle. TUPLE: links [begin, begin + length) */
        };
        struct {
            uint32_t first, last; /* LIST, DICT: links, PICKLE_NOTHING when empty */
        };
        pickle_id tuple; /* CALL, PERSISTENT */
        struct {
            uint32_t class;  /* GLOBAL, OBJECT: index into pickle.classes */
            pickle_id state; /* OBJECT: what BUILD gave it, or PICKLE_NOTHING */
        };
    };
};

/* A name as it stands in the pickle: bytes of it, which need not be UTF-8. */
struct pickle_class {
    uint32_t module, module_length, name, name_length;
};

struct pickle_link {
    pickle_id key, value; /* key: dictionaries only */
    uint32_t next;        /* lists and dictionaries only; PICKLE_NOTHING at the end */
};

struct pickle {
    const uint8_t *bytes; /* borrowed */
    size_t size, used;    /* used: behind the STOP */
    size_t base;          /* where the pickle begins in its file, for errors */
    const char *path;
    struct error *err;
    struct pickle_value *values;
    size_t values_count, values_capacity;
    struct pickle_link *links;
    size_t links_count, links_capacity;
    struct pickle_class *classes;
    size_t classes_count, classes_capacity;
    pickle_id root;
    /* The last dictionary that was given attributes (BUILD), and the dictionary of these; PICKLE_NOTHING: none was. */
    pickle_id attributed, attributes;
};

/* Reads one pickle of protocol 2 to 5 from the beginning of bytes[size], which stay the caller's and must outlive *out;
 * what follows its STOP is not looked at. ERR_DATA names the file, the byte and what was refused. Free with
 * pickle_free, also after a failure. */
MUST_CHECK enum status pickle_read(struct pickle *out, const uint8_t *bytes, size_t size, size_t base, const char *path,
                                   struct error *err);
void pickle_free(struct pickle *pickle);

/* "path: byte N: text" with N = base + at. Returns ERR_DATA. */
enum status pickle_fail(const struct pickle *pickle, size_t at, const char *format, ...) PRINTF_LIKE(3, 4);

static inline const struct pickle_value *pickle_get(const struct pickle *pickle, pickle_id id)
{
    return &pickle->values[id];
}

/* Item i < length of a tuple. */
static inline const struct pickle_value *pickle_item(const struct pickle *pickle, const struct pickle_value *tuple,
                                                     uint32_t i)
{
    return &pickle->values[pickle->links[tuple->begin + i].value];
}

/* Whether the value is exactly this text. */
bool pickle_text_is(const struct pickle *pickle, const struct pickle_value *value, const char *text);

/* "a dictionary", "a number", ...: for errors. */
const char *pickle_kind_text(const struct pickle_value *value);

/* The same, with the name of a type or an object ("an object of argparse.Namespace"), made safe for a terminal. Returns
 * out. */
enum { PICKLE_DESCRIPTION = 260 };
char *pickle_describe(char out[PICKLE_DESCRIPTION], const struct pickle *pickle, const struct pickle_value *value);

#endif

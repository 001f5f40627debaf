/* A generator of malformed and malicious pickles: every kind of value that a state dict cannot have, each among 25 sets
 * of good ones. Each is refused by name and byte, or stepped over and named; nothing is run. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/rng.h"
#include "tests/support/hostile_pickle.h"
#include "tests/support/own_folder.h"
#include "tests/support/weight_sample.h"

enum { SEEDS = 25 };

/* A value in a state dict, and what the refusal must say;
 * or, behind LEFT, what stands in the list of what is left out. */
#define LEFT "left out: "
#define KIND(text, wanted)                                                                                             \
    {                                                                                                                  \
        text, sizeof text - 1, wanted                                                                                  \
    }
static const struct {
    const char *text;
    size_t size;
    const char *wanted;
} kinds[] = {
    /* programs */
    KIND("cos\nsystem\nX\4\0\0\0true\x85R", LEFT "an object of os.system"),
    KIND("cposix\nsystem\nX\4\0\0\0true\x85R", LEFT "an object of posix.system"),
    KIND("c__builtin__\neval\nX\1\0\0\0"
         "1\x85R",
         LEFT "an object of __builtin__.eval"),
    KIND("cbuiltins\nexec\nX\1\0\0\0"
         "1\x85R",
         LEFT "an object of builtins.exec"),
    KIND("cbuiltins\ngetattr\n", LEFT "the name builtins.getattr"),
    KIND("csubprocess\nPopen\n", LEFT "the name subprocess.Popen"),
    KIND("crunpy\n_run_code\n", LEFT "the name runpy._run_code"),
    KIND("cpip\nmain\n", LEFT "the name pip.main"),
    KIND("ctorch.storage\n_load_from_bytes\n", LEFT "the name torch.storage._load_from_bytes"),
    KIND("ctorch._utils\n_rebuild_tensor_v3\n", LEFT "the name torch._utils._rebuild_tensor_v3"),
    KIND("ctorch._utils\n_rebuild_wrapper_subclass\n", LEFT "the name torch._utils._rebuild_wrapper_subclass"),
    KIND("ctorch._tensor\n_rebuild_from_type_v2\n", LEFT "the name torch._tensor._rebuild_from_type_v2"),
    KIND("ctorch.jit\nload\n", LEFT "the name torch.jit.load"),
    KIND("ctorch\nload\n", LEFT "the name torch.load"),
    KIND("ctorch\nComplexFloatStorage\n", LEFT "the name torch.ComplexFloatStorage"),
    KIND("ctorch\nFloatStorage.__init__\n", LEFT "the name torch.FloatStorage.__init__"),
    KIND("ctorch._utils._rebuild_tensor_v2\n\n", LEFT "the name torch._utils._rebuild_tensor_v2."),
    KIND("ccollections.OrderedDict\n__init__\n", LEFT "the name collections.OrderedDict.__init__"),
    KIND("ccollections\nOrderedDict \n", LEFT "the name collections.OrderedDict "),
    KIND("ccollections\nnamedtuple\n", LEFT "the name collections.namedtuple"),
    KIND("cargparse\nNamespace\n)\x81}X\2\0\0\0lrK\1sb", LEFT "an object of argparse.Namespace"),
    KIND("c\x1b[2J\n\x07\n", LEFT "the name \\x1b[2J.\\x07"),
    KIND("\x8c\2os\x8c\6system\x93", LEFT "the name os.system"),
    KIND("X\2\0\0\0osX\6\0\0\0system\x93", LEFT "the name os.system"),
    KIND("K\1X\6\0\0\0system\x93", "opcode STACK_GLOBAL: a whole number and a text are not a name"),
    KIND("(X\4\0\0\0trueios\nsystem\n", LEFT "an object of os.system"),
    KIND("(cos\nsystem\nK\1o", LEFT "an object of os.system"),
    KIND("ccollections\nOrderedDict\n)\x81", LEFT "a dictionary"),
    KIND("cos\nsystem\n)}\x92", LEFT "an object of os.system"),
    KIND("\x82\1", LEFT "the name of an extension"),
    KIND("\x83\1\0", LEFT "the name of an extension"),
    KIND("\x84\1\0\0\0)R", LEFT "an object of an extension"),
    KIND("Pfile\n", "opcode PERSID, which"),
    KIND("\x97", "opcode NEXT_BUFFER, which"),
    KIND("\x98", "opcode READONLY_BUFFER, which"),
    KIND("]K\1\x85R", "opcode REDUCE would call a list: refused"),
    KIND("X\2\0\0\0os)R", "opcode REDUCE would call a text: refused"),
    KIND("ctorch\nFloatStorage\nK\6\x85R", LEFT "an object of torch.FloatStorage"),
    KIND("ccollections\nOrderedDict\n]R", "opcode REDUCE has a list for arguments: refused"),
    KIND("ccollections\nOrderedDict\nK\1\x85R", "an OrderedDict is made of something else"),
    KIND("ccollections\nOrderedDict\n]K\1a\x85R", "an OrderedDict is made of a whole number, expected pairs"),
    KIND("ccollections\nCounter\n)R", "a Counter is made of something else than a dictionary"),
    KIND("ccollections\nCounter\n]\x85R", "a Counter is made of something else than a dictionary"),
    KIND("ccollections\nCounter\n}}\x86R", "a Counter is made of something else than a dictionary"),
    KIND("ccollections\nCounter\n}b", "opcode BUILD would set attributes of a type: refused"),
    KIND("]}b", "opcode BUILD would set attributes of a list: refused"),
    KIND("}]b", LEFT "a dictionary"),
    KIND("ccollections\nOrderedDict\n}b", "opcode BUILD would set attributes of a type: refused"),
    /* opcodes of older protocols and other things */
    KIND("I1\n", LEFT "a whole number"),
    KIND("I01\n", LEFT "a truth value"),
    KIND("I\n", "opcode INT holds no whole number"),
    KIND("I99999999999999999999\n", "opcode INT holds no whole number"),
    KIND("L1L\n", "opcode LONG, which"),
    KIND("F1.0\n", "opcode FLOAT, which"),
    KIND("S'a'\n", "opcode STRING, which"),
    KIND("Va\n", "opcode UNICODE, which"),
    KIND("(d", "opcode DICT, which"),
    KIND("(l", "opcode LIST, which"),
    KIND("NK\1"
         "0",
         LEFT "None"),
    KIND("K\7(NN1", LEFT "a whole number"),
    KIND("N20", LEFT "None"),
    KIND("g0\n", "opcode GET, which"),
    KIND("p0\n", "opcode PUT, which"),
    KIND("C\1a", LEFT "bytes"),
    KIND("B\1\0\0\0a", LEFT "bytes"),
    KIND("\x8b\1\0\0\0\1", LEFT "a whole number"),
    KIND("\x8d\1\0\0\0\0\0\0\0a", LEFT "a text"),
    KIND("\x8e\1\0\0\0\0\0\0\0a", LEFT "bytes"),
    KIND("\x8f(K\1K\2\x90", LEFT "a set"),
    KIND("](K\1\x90", "opcode ADDITEMS adds 1 values to a list"),
    KIND("(K\1\x91", LEFT "a set"),
    KIND("\x96\1\0\0\0\0\0\0\0a", LEFT "bytes"),
    KIND("\xff", "byte 0xff is not an opcode"),
    KIND("\0", "byte 0x00 is not an opcode"),
    KIND("\x80\2", "a pickle of protocol 2, where"),
    /* the stack, the memo, lengths */
    KIND("R", "opcode REDUCE"),
    KIND("a", "opcode APPEND"),
    KIND("(a", "opcode APPEND finds nothing to work on"),
    KIND("(s", "opcode SETITEM finds nothing to work on"),
    KIND("]K\1K\2s", "opcode SETITEM adds 2 values to a list"),
    KIND("}K\1a", "opcode APPEND adds 1 values to a dictionary"),
    KIND("}(K\1u", "opcode SETITEMS adds 1 values to a dictionary"),
    KIND("N(K\1e", "opcode APPENDS adds 1 values to None"),
    KIND("(\x85", "opcode TUPLE1 finds nothing to work on"),
    KIND("(q\0", "opcode BINPUT finds nothing to work on"),
    KIND("h\7", "opcode BINGET asks for value 7, which was not remembered"),
    KIND("Nq\1h\0", "opcode BINGET asks for value 0, which was not remembered"),
    KIND("j\xff\xff\xff\xff", "opcode LONG_BINGET asks for value 4294967295"),
    KIND("Nq\2", "opcode BINPUT remembers a value as number 2 after 0 others"),
    KIND("Nr\xff\xff\xff\x7f", "opcode LONG_BINPUT remembers a value as number 2147483647"),
    KIND("X\xff\xff\xff\xff"
         "a",
         "opcode BINUNICODE needs 4294967295 bytes"),
    KIND("X\0\0\0\x80"
         "a",
         "opcode BINUNICODE needs 2147483648 bytes"),
    KIND("X\1\0\0\0\xff", LEFT "bytes"),
    KIND("X\1\0\0\0\0", LEFT "bytes"),
    KIND("\x95\xff\xff\xff\xff\xff\xff\xff\xff", "a frame of 18446744073709551615 bytes"),
    KIND(".", "the pickle ends with"),
    KIND("(.", "the pickle ends with"),
    KIND("N.", "the pickle ends with"),
    /* values where a tensor belongs */
    KIND("N", LEFT "None"),
    KIND("K\7", LEFT "a whole number"),
    KIND("G\0\0\0\0\0\0\0\0", LEFT "a number"),
    KIND("X\1\0\0\0a", LEFT "a text"),
    KIND("]", LEFT "a list"),
    KIND("}", LEFT "a dictionary"),
    KIND(")", LEFT "a tuple"),
    KIND("\x88", LEFT "a truth value"),
    KIND("ctorch\nFloatStorage\n", LEFT "the name torch.FloatStorage"),
    KIND("KaQ", "opcode BINPERSID names a storage by a whole number"),
    KIND(")Q", "a persistent id that names no storage"),
    KIND("(X\6\0\0\0moduleNNNNtQ", "a persistent id that names no storage"),
    KIND("(X\7\0\0\0storageNNNNtQ", "a storage of None, key None, None values"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\0\0\0\0NK\6tQ", "a storage of a type"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0NJ\xff\xff\xff\xfftQ",
         "a storage of a type"),
    KIND("(X\7\0\0\0storagectorch\nLongStorage\nX\1\0\0\0"
         "0NK\6tQ",
         "a storage described in two ways"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0NK\7tQ",
         "a storage described in two ways"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "1NK\7tQ",
         "storage"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0NK\6NNtQ",
         "a view of a storage"),
    KIND("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0NK\6)tQ",
         "a view of a storage"),
    KIND("(X\7\0\0\0storagectorch\nDoubleStorage\nX\1\0\0\0"
         "1N\x8a\x08\0\0\0\0\0\0\0\x20tQ",
         "no computer can hold"),
    KIND("ctorch._utils\n_rebuild_tensor_v2\n)R", LEFT "a tensor made in a way"),
    KIND("ctorch._utils\n_rebuild_tensor\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0NK\6tQK\0K\2\x85)tR",
         "as many strides"),
    KIND("ctorch._utils\n_rebuild_tensor\n(NNNNtR", "expected a storage, an offset"),
    KIND("ctorch._utils\n_rebuild_parameter\n(N\x88}tR", LEFT "a tensor made in a way"),
    KIND("ctorch._utils\n_rebuild_tensor_v2\n(NNNN\x89}}tR", "expected a storage, an offset"),
    KIND("ctorch._utils\n_rebuild_tensor_v2\n(NNNN\x89}}X\3\0\0\0neg\x88stR", LEFT "a tensor made in a way"),
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The value is stepped over: it is named, and the tensors around it are read. */
static void assert_left(const struct bytes *pickle, bool legacy, const char *wanted)
{
    struct bytes bytes = {0};
    struct weight_file *file;
    struct error err = {0};
    pth_file(&bytes, pickle, 6, legacy);
    sample_write(sample_path("left"), bytes.data, bytes.length);
    if (weight_file_open(&file, sample_path("left"), &err) != OK)
        fail_msg("%s; expected '%s' to be left out", err.text, wanted);
    assert_non_null(weight_file_find(file, "first"));
    assert_null(weight_file_find(file, "bad"));
    const char *what = weight_file_left_find(file, "bad");
    if (!what || !strstr(what, wanted))
        fail_msg("'%s' was left out, expected '%s'", what ? what : "nothing", wanted);
    weight_file_close(file);
    bytes_free(&bytes);
}

static void every_kind_is_refused_or_left_out_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++)
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            struct rng rng = rng_stream(seed, RNG_TEST, 2, i);
            struct bytes pickle = {0};
            bool legacy = rng_below(&rng, 2);
            pickle_start(&pickle);
            pickle_text(&pickle, "first");
            pickle_tensor(&pickle, &tensor_plain, legacy);
            pickle_good_values(&pickle, &rng, "before", legacy);
            pickle_text(&pickle, "bad");
            bytes_put(&pickle, kinds[i].text, kinds[i].size);
            pickle_good_values(&pickle, &rng, "after", legacy);
            pickle_stop(&pickle);
            if (strncmp(kinds[i].wanted, LEFT, strlen(LEFT)) == 0)
                assert_left(&pickle, legacy, kinds[i].wanted + strlen(LEFT));
            else
                hostile_pickle_refused(&pickle, legacy, kinds[i].wanted);
            bytes_free(&pickle);
        }
}

/* The pickles of the exploits in circulation, as whole files: none makes the file that it would make. */
static void nothing_runs(void **state)
{
    (void)state;
    char command[700], trace[600];
    snprintf(trace, sizeof trace, "%s", sample_path("trace"));
    snprintf(command, sizeof command, "touch %s", trace);
    for (int form = 0; form < 6; form++) {
        struct bytes pickle = {0};
        bytes_put(&pickle, "\x80\2", 2);
        if (form == 0 || form == 3)
            pickle_global(&pickle, form ? "builtins" : "os", form ? "exec" : "system");
        if (form == 1)
            bytes_put(&pickle, "\x8c\5posix\x8c\6system\x93", 16);
        if (form == 2)
            pickle_op(&pickle, '(');
        if (form == 4)
            pickle_global(&pickle, "torch.hub", "load");
        if (form == 5)
            pickle_global(&pickle, "subprocess", "check_output");
        pickle_text(&pickle, command);
        bytes_put(&pickle, form == 2 ? "ios\nsystem\n." : "\x85R.", form == 2 ? 12 : 3);
        hostile_assert_refused(pickle.data, pickle.length, "nothing was run"); /* alone, as a file */
        hostile_pickle_refused(&pickle, false, "nothing was run");
        hostile_pickle_refused(&pickle, true, "nothing was run");
        bytes_free(&pickle);
    }
    assert_int_not_equal(access(trace, F_OK), 0);
}

static void time_is_bounded(void **state)
{
    (void)state;
    hostile_assert_bounded();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_refused_or_left_out_by_name),
        cmocka_unit_test(nothing_runs),
        cmocka_unit_test(time_is_bounded),
    };
    return cmocka_run_group_tests_name("pickle, kinds of mistakes", tests, folder_setup, folder_teardown);
}

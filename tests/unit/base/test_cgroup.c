/* Limits of control groups from made trees of /proc and /sys: version 1, 2, both, nested, in a container, broken. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cgroup.h"
#include "core/base/file.h"
#include "core/base/processors.h"
#include "core/base/threads.h"

static char root[] = "/tmp/freezetune-cgroup-XXXXXX";

static int enter(void **state)
{
    (void)state;
    strcpy(root + sizeof root - 7, "XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command) == 0 ? 0 : -1;
}

static void write_bytes(const char *path, const void *bytes, size_t size)
{
    char whole[6000], folder[6000];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    snprintf(folder, sizeof folder, "%s", whole);
    *strrchr(folder, '/') = '\0';
    struct error err;
    assert_int_equal(folder_create(folder, &err), OK);
    FILE *file = fopen(whole, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void put(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

static struct cgroup_limits limits(void)
{
    struct cgroup_limits out;
    cgroup_limits_read(&out, root);
    return out;
}

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNTS                                                                                                      \
    "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct\n"                            \
    "32 30 0:28 / /sys/fs/cgroup/memory rw shared:11 - cgroup cgroup rw,memory\n"                                      \
    "33 30 0:29 / /sys/fs/cgroup/cpuset rw shared:12 - cgroup cgroup rw,cpuset\n"

static void no_files_are_no_limit(void **state)
{
    (void)state;
    struct cgroup_limits found = limits();
    assert_true(found.processors == 0 && found.memory == 0);
    assert_string_equal(found.processors_from, "");
    assert_string_equal(found.memory_from, "");
}

static void version_2_takes_the_least_of_all_levels(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/batch/job 7/step\n");
    put("/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda rw\n" V2_MOUNT);
    put("/sys/fs/cgroup/batch/job 7/step/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/batch/job 7/step/memory.max", "max\n");
    assert_true(limits().processors == 0 && limits().memory == 0);
    put("/sys/fs/cgroup/batch/job 7/cpu.max", "150000 100000\n");
    put("/sys/fs/cgroup/batch/cpu.max", "400000 100000\n");
    put("/sys/fs/cgroup/batch/memory.max", "1000000000\n");
    struct cgroup_limits found = limits();
    assert_true(fabs(found.processors - 1.5) < 1e-9);
    assert_string_equal(found.processors_from, "/sys/fs/cgroup/batch/job 7/cpu.max");
    assert_int_equal(found.memory, 1000000000);
    assert_string_equal(found.memory_from, "/sys/fs/cgroup/batch/memory.max");
    put("/sys/fs/cgroup/batch/job 7/step/memory.max", "500000000\n");
    put("/sys/fs/cgroup/cpu.max", "25000 100000\n"); /* a mount that shows a container's own group as its top */
    found = limits();
    assert_int_equal(found.memory, 500000000);
    assert_true(fabs(found.processors - 0.25) < 1e-9);
}

static void version_1_has_a_hierarchy_for_each(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "4:memory:/jobs/7\n3:cpuset:/elsewhere\n2:cpuacct,cpu:/jobs/8\n1:name=systemd:/x\n");
    put("/proc/self/mountinfo", V1_MOUNTS);
    put("/sys/fs/cgroup/cpu,cpuacct/jobs/8/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/jobs/8/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "300000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/jobs/7/cpu.cfs_quota_us", "1000\n"); /* another job's */
    put("/sys/fs/cgroup/cpu,cpuacct/jobs/7/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes", "300000000\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/jobs/8/memory.limit_in_bytes", "1000\n");
    struct cgroup_limits found = limits();
    assert_true(fabs(found.processors - 3) < 1e-9);
    assert_string_equal(found.processors_from, "/sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us");
    assert_int_equal(found.memory, 300000000);
    assert_string_equal(found.memory_from, "/sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes");
}

static void both_versions_hold_together(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "3:cpu,cpuacct:/a\n0::/a\n");
    put("/proc/self/mountinfo", V1_MOUNTS "34 30 0:30 / /sys/fs/cgroup/unified rw shared:13 - cgroup2 cgroup2 rw\n");
    put("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "400000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/unified/a/memory.max", "2000\n");
    assert_true(fabs(limits().processors - 4) < 1e-9);
    assert_int_equal(limits().memory, 2000);
    put("/sys/fs/cgroup/unified/a/cpu.max", "200000 100000\n");
    assert_true(fabs(limits().processors - 2) < 1e-9);
}

/* Without a namespace of its own a container sees the group's whole name, and a mount that begins at it. */
static void a_mount_may_begin_at_the_group(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/docker/c0ffee/worker\n");
    put("/proc/self/mountinfo", "20 1 0:26 /docker/other /mnt/other rw - cgroup2 cgroup2 rw\n"
                                "30 23 0:26 /docker/c0ffee /sys/fs/cg\\040roup ro - cgroup2 cgroup2 rw\n");
    put("/mnt/other/cpu.max", "10000 100000\n");
    put("/sys/fs/cg roup/worker/cpu.max", "200000 100000\n");
    put("/sys/fs/cg roup/memory.max", "12345\n");
    assert_true(fabs(limits().processors - 2) < 1e-9);
    assert_int_equal(limits().memory, 12345);
    /* A sibling whose name begins alike is not below it; the top of the first mount is asked all the same. */
    put("/proc/self/cgroup", "0::/docker/c0ffee2\n");
    assert_true(fabs(limits().processors - 0.1) < 1e-9);
    assert_int_equal(limits().memory, 0);
}

static void no_name_leads_out_of_the_mount(void **state)
{
    (void)state;
    put("/proc/self/mountinfo", V2_MOUNT);
    put("/sys/fs/cgroup/cpu.max", "300000 100000\n");
    put("/sys/fs/elsewhere/cpu.max", "1000 100000\n");
    put("/sys/fs/cgroup/a/cpu.max", "100000 100000\n");
    static const char *const names[] = {"0::/../elsewhere\n", "0::/a/../../elsewhere\n", "0::/..\n"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        put("/proc/self/cgroup", names[i]);
        assert_true(fabs(limits().processors - 3) < 1e-9);
    }
    put("/proc/self/cgroup", "0::/a/..b (deleted)\n"); /* a name with dots, of a group that is gone: those above hold */
    assert_true(fabs(limits().processors - 1) < 1e-9);
}

static void what_is_no_limit_is_ignored(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a\n");
    put("/proc/self/mountinfo", V2_MOUNT);
    static const char *const cpu[] = {"",
                                      "\n",
                                      "100000",
                                      "100000 ",
                                      "100000 0\n",
                                      "0 100000\n",
                                      "-5 100000\n",
                                      "1e5 100000\n",
                                      "99999999999999999999 100000\n",
                                      "100000 100000 1\n",
                                      "nan nan\n",
                                      "\xff\xfe"};
    static const char *const memory[] = {"", "0", "-1", "12k\n", "99999999999999999999\n", "9223372036854771712\n",
                                         "x"};
    for (size_t i = 0; i < sizeof cpu / sizeof *cpu; i++) {
        put("/sys/fs/cgroup/a/cpu.max", cpu[i]);
        assert_true(fabs(limits().processors - 0) < 1e-9);
    }
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) {
        put("/sys/fs/cgroup/a/memory.max", memory[i]);
        assert_int_equal(limits().memory, 0);
    }
}

/* Lines longer than any buffer, bytes of zero, lines without their parts, FIFOs and folders in a file's place. */
static void hostile_files_are_survived(void **state)
{
    (void)state;
    enum { LONG = 200000 };
    char *text = malloc(LONG + 200);
    assert_non_null(text);
    memset(text, 'a', LONG);
    strcpy(text + LONG, "\n" V2_MOUNT);
    put("/proc/self/mountinfo", text);
    put("/proc/self/cgroup", "::\n0\n0:\n:::::\n0::\n0::relative\n\n5:cpu\n0::/a\n");
    put("/sys/fs/cgroup/a/cpu.max", "100000 100000\n");
    assert_true(fabs(limits().processors - 1) < 1e-9);

    memset(text, '/', LONG);
    memcpy(text, "0::", 3);
    strcpy(text + LONG, "\n0::/a\n");
    put("/proc/self/cgroup", text);
    assert_true(fabs(limits().processors - 1) < 1e-9);
    memset(text + 3, 'b', 5000);
    strcpy(text + 5000, "\n0::/a\n"); /* longer than a path may be */
    text[3] = '/';
    put("/proc/self/cgroup", text);
    assert_true(fabs(limits().processors - 1) < 1e-9);
    free(text);

    put("/proc/self/mountinfo", " - \n - cgroup2\n1 2 3 4 5 - cgroup2 x\n1 - cgroup2 x rw\n1 2 3 / /m - cgroup2 x rw");
    put("/m/a/cpu.max", "200000 100000"); /* a last line without a line feed */
    put("/proc/self/cgroup", "0::/a");
    assert_true(fabs(limits().processors - 2) < 1e-9);

    static const char zeros[] = "0::/b\0c\n0::/a\n0::/a\n";
    write_bytes("/proc/self/cgroup", zeros, sizeof zeros - 1);
    assert_true(fabs(limits().processors - 2) < 1e-9);
    char path[128];
    snprintf(path, sizeof path, "%s/m/a/cpu.max", root);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/m/a/memory.max", root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(limits().processors == 0 && limits().memory == 0);
}

static struct processors processors(const char *slurm)
{
    struct processors out;
    processors_limit(&out, root, slurm);
    return out;
}

static void threads_are_the_least_of_all(void **state)
{
    (void)state;
    size_t mask = threads_available();
    struct processors found = processors(NULL);
    assert_int_equal(found.threads, mask);
    assert_true(found.online >= mask);
    assert_int_equal(found.by, found.online > mask ? PROCESSORS_AFFINITY : PROCESSORS_ALL);

    put("/proc/self/cgroup", "0::/\n");
    put("/proc/self/mountinfo", V2_MOUNT);
    put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    found = processors(NULL);
    assert_int_equal(found.threads, 1);
    if (mask > 1)
        assert_string_equal(found.why, "the control group's quota is 0.5 (/sys/fs/cgroup/cpu.max)");
    put("/sys/fs/cgroup/cpu.max", "100001 100000\n"); /* a little more than one is two */
    assert_int_equal(processors(NULL).threads, mask < 2 ? mask : 2);
    put("/sys/fs/cgroup/cpu.max", "90000000 100000\n");
    assert_int_equal(processors(NULL).threads, mask);

    found = processors("1");
    assert_int_equal(found.threads, 1);
    if (mask > 1)
        assert_string_equal(found.why, "SLURM_CPUS_PER_TASK is 1");
    static const char *const ignored[] = {"", "0", "-1", "many", "1x", "99999999999999999999999", "4000000000"};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        assert_int_equal(processors(ignored[i]).threads, mask);
    unsetenv("SLURM_CPUS_PER_TASK");
    processors_look(&found);
    assert_true(found.threads >= 1 && found.threads <= mask);
    setenv("SLURM_CPUS_PER_TASK", "1", 1);
    processors_look(&found);
    assert_int_equal(found.threads, 1);
    unsetenv("SLURM_CPUS_PER_TASK");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_files_are_no_limit, enter, leave),
        cmocka_unit_test_setup_teardown(version_2_takes_the_least_of_all_levels, enter, leave),
        cmocka_unit_test_setup_teardown(version_1_has_a_hierarchy_for_each, enter, leave),
        cmocka_unit_test_setup_teardown(both_versions_hold_together, enter, leave),
        cmocka_unit_test_setup_teardown(a_mount_may_begin_at_the_group, enter, leave),
        cmocka_unit_test_setup_teardown(no_name_leads_out_of_the_mount, enter, leave),
        cmocka_unit_test_setup_teardown(what_is_no_limit_is_ignored, enter, leave),
        cmocka_unit_test_setup_teardown(hostile_files_are_survived, enter, leave),
        cmocka_unit_test_setup_teardown(threads_are_the_least_of_all, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

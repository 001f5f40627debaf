/* predict --stream: each line of stdin is the path of a photo and has its answer, one line that is flushed, before the
 * next line is waited for. A photo that cannot be read has a line that says why.
 */
#ifndef FREEZETUNE_PREDICT_STREAM_H
#define FREEZETUNE_PREDICT_STREAM_H

#include "cli/model/inference.h"
#include "cli/report/predict_output.h"
#include "cli/shell/line_stream.h"
#include "cli/shell/options.h"

struct predict_stream {
    struct line_stream lines;
    struct photo photo;
    struct photo_list list;       /* the one photo that is looked at; it borrows the name from `lines` */
    size_t answered, bad, failed; /* lines so far; of these: photos that could not be read; for a disk */
};

/* What of predict's options goes with --stream: *format (jsonl unless given), *top (with tsv and csv 1 unless given).
 * ERR_USAGE for an option or an operand that does not, with the reason. */
MUST_CHECK enum status predict_stream_options(int *format, long long *top, const struct arguments *args,
                                              struct error *err);

/* Begins with stdin. stream->list is then the list for inference_open, with one photo and a batch of one. */
void predict_stream_start(struct predict_stream *stream, bool null);

/* Answers until the end of stdin, until a signal, or until nobody reads the answers. Errors of inference_next that are
 * not about one photo. */
MUST_CHECK enum status predict_stream_run(struct predict_stream *stream, struct inference *inference,
                                          struct predict_output *output, struct error *err);

#endif

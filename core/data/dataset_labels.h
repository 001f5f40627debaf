/* Photos and classes from labels files (labels.h) instead of folders. dataset.h calls this; inside core/data only.
 *
 * Classes are the labels of photos that train, sorted by bytes. Photos lie by class, in each class in the order in
 * which their folders would be listed (labels_path.h), so that the same photos give the same list either way.
 */
#ifndef FREEZETUNE_DATASET_LABELS_H
#define FREEZETUNE_DATASET_LABELS_H

#include "core/data/dataset.h"
#include "core/data/split.h"

/* source->labels, with source->val_labels where there is one. The column `split`, val_labels or the split that was
 * asked for says what validates: ERR_USAGE where none of them does, or two do. As labels_read says; ERR_DATA for fewer
 * than two classes, a class that only validates (by line), and when nothing trains or validates. */
MUST_CHECK enum status dataset_labels_open(struct dataset *out, const struct dataset_source *source,
                                           const struct split *split, struct error *err);

#endif

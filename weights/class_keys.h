/* What libraries and scripts call the class names that they keep with a model. */
#ifndef FREEZETUNE_CLASS_KEYS_H
#define FREEZETUNE_CLASS_KEYS_H

/* "classes", "class_to_idx", ..., the most usual first; NULL at the end. */
extern const char *const class_keys[];

enum { CLASS_KEYS = 14 };

#endif

/* The names of outputs under construction, beside their targets: "model.pth.aB3xYz.part" (outfile.h) and
 * "my-model.part.aB3xYz" (outfolder.h). */
#ifndef FREEZETUNE_UNFINISHED_H
#define FREEZETUNE_UNFINISHED_H

/* Calls remove(folder, name) for each entry of the folder that is called TARGET and then PATTERN, in which every X
 * stands for a letter or a digit. A folder that cannot be listed has none. */
void unfinished_remove(const char *folder, const char *target, const char *pattern,
                       void (*remove)(int folder, const char *name));

#endif

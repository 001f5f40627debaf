#include "cli/report/predict_files.h"

enum status predict_files_start(struct predict_files *files, const struct inference *inference, struct error *err)
{
    enum status status = OK;
    files->inference = inference;
    if (files->logits_path)
        status = logits_file_start(&files->logits, files->logits_path, inference->model->info.classes.count, err);
    if (status == OK && files->features_path)
        status =
            logits_file_start_features(&files->features, files->features_path, cam_features_count(inference->cam), err);
    if (status == OK && files->cam_path)
        status = cam_folder_start(&files->cam, files->cam_path, inference, err);
    return status;
}

enum status predict_files_add(struct predict_files *files, const struct cam_answer **answer,
                              const struct photo_batch *batch, size_t i, const float *logits, struct error *err)
{
    enum status status = OK;
    *answer = NULL;
    if (files->logits_path)
        status = logits_file_add(&files->logits, logits, &batch->photos[i], 1, err);
    if (status == OK && files->features_path) {
        const struct cam *cam = files->inference->cam;
        const float *features = cam_features(cam) + i * cam_features_count(cam);
        status = logits_file_add(&files->features, features, &batch->photos[i], 1, err);
    }
    if (status == OK && files->cam_path)
        status = cam_folder_add(&files->cam, answer, batch, i, logits, err);
    return status;
}

enum status predict_files_write(struct predict_files *files, struct error *err)
{
    const struct photo_list *photos = files->inference->photos;
    enum status status = OK;
    if (files->logits_path)
        status = logits_file_write(&files->logits, photos, err);
    if (status == OK && files->features_path)
        status = logits_file_write(&files->features, photos, err);
    if (status == OK && files->cam_path)
        status = cam_folder_end(&files->cam, OK, err);
    return status;
}

void predict_files_free(struct predict_files *files)
{
    logits_file_free(&files->logits);
    logits_file_free(&files->features);
    if (cam_folder_end(&files->cam, ERR_PROMISE, NULL) != OK) /* what is under construction is removed */
        *files = (struct predict_files){0};
}

#include "replay/crew.h"

#include <pthread.h>
#include <stdbool.h>

struct kb_crew {
    kb_alloc *alloc;
    int32_t n_threads; /* with the caller */
    int32_t n_started;
    pthread_t *threads;
    pthread_mutex_t mutex;
    pthread_cond_t begin, done;
    /* guarded by the mutex */
    void (*work)(void *argument, size_t part);
    void *argument;
    size_t n_parts, n_taken, n_finished;
    bool ends;
};

/* Takes parts until none is left; the mutex is held on entry and on return. */
static void take_parts(kb_crew *crew) {
    while (crew->n_taken < crew->n_parts) {
        size_t part = crew->n_taken++;
        (void)pthread_mutex_unlock(&crew->mutex);
        crew->work(crew->argument, part);
        (void)pthread_mutex_lock(&crew->mutex);
        if (++crew->n_finished == crew->n_parts) (void)pthread_cond_signal(&crew->done);
    }
}

static void *member(void *self) {
    kb_crew *crew = self;
    (void)pthread_mutex_lock(&crew->mutex);
    while (!crew->ends) {
        take_parts(crew);
        if (!crew->ends) (void)pthread_cond_wait(&crew->begin, &crew->mutex);
    }
    (void)pthread_mutex_unlock(&crew->mutex);
    return NULL;
}

kb_status kb_crew_create(kb_alloc *alloc, int32_t n_threads, kb_crew **crew, kb_error *err) {
    kb_crew *made = kb_alloc_zeroed(alloc, 1, sizeof *made);
    if (!made) return kb_error_nomem(err, "threads of replay");
    made->alloc = alloc;
    made->n_threads = n_threads;
    (void)pthread_mutex_init(&made->mutex, NULL);
    (void)pthread_cond_init(&made->begin, NULL);
    (void)pthread_cond_init(&made->done, NULL);
    made->threads = kb_alloc_zeroed(alloc, (size_t)n_threads, sizeof *made->threads);
    if (!made->threads) {
        kb_crew_destroy(made);
        return kb_error_nomem(err, "threads of replay");
    }
    for (; made->n_started < n_threads - 1; made->n_started++)
        if (pthread_create(&made->threads[made->n_started], NULL, member, made)) {
            kb_status status = kb_error_set(err, KB_RESOURCES,
                                            "replay: expected %d threads, got %d; ask for fewer",
                                            n_threads, made->n_started + 1);
            kb_crew_destroy(made);
            return status;
        }
    *crew = made;
    return KB_OK;
}

void kb_crew_destroy(kb_crew *crew) {
    if (!crew) return;
    (void)pthread_mutex_lock(&crew->mutex);
    crew->ends = true;
    (void)pthread_cond_broadcast(&crew->begin);
    (void)pthread_mutex_unlock(&crew->mutex);
    for (int32_t i = 0; i < crew->n_started; i++) (void)pthread_join(crew->threads[i], NULL);
    (void)pthread_cond_destroy(&crew->begin);
    (void)pthread_cond_destroy(&crew->done);
    (void)pthread_mutex_destroy(&crew->mutex);
    kb_alloc_free(crew->alloc, crew->threads, (size_t)crew->n_threads, sizeof *crew->threads);
    kb_alloc_free(crew->alloc, crew, 1, sizeof *crew);
}

int32_t kb_crew_size(const kb_crew *crew) {
    return crew->n_threads;
}

void kb_crew_run(kb_crew *crew, size_t n_parts, void (*work)(void *argument, size_t part),
                 void *argument) {
    if (crew->n_threads == 1 || n_parts == 1) {
        for (size_t part = 0; part < n_parts; part++) work(argument, part);
        return;
    }
    (void)pthread_mutex_lock(&crew->mutex);
    crew->work = work;
    crew->argument = argument;
    crew->n_parts = n_parts;
    crew->n_taken = crew->n_finished = 0;
    (void)pthread_cond_broadcast(&crew->begin);
    take_parts(crew);
    while (crew->n_finished < crew->n_parts) (void)pthread_cond_wait(&crew->done, &crew->mutex);
    crew->n_parts = 0;
    crew->n_taken = 0;
    (void)pthread_mutex_unlock(&crew->mutex);
}

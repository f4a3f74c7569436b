#include "node/core/effect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { EFFECTS_CAPACITY = 8 * EFFECTS_STEP_MAX, ARENA_CAPACITY = 4 * EFFECTS_STEP_BYTES };

struct effects *
effects_new(void)
{
    struct effects *effects = calloc(1, sizeof *effects);
    if (effects == NULL) {
        return NULL;
    }
    effects->list = calloc(EFFECTS_CAPACITY, sizeof *effects->list);
    effects->arena = malloc(ARENA_CAPACITY);
    effects->capacity = EFFECTS_CAPACITY;
    effects->arena_capacity = ARENA_CAPACITY;
    if (effects->list == NULL || effects->arena == NULL) {
        effects_free(effects);
        return NULL;
    }
    return effects;
}

void
effects_free(struct effects *effects)
{
    if (effects != NULL) {
        free(effects->list);
        free(effects->arena);
        free(effects);
    }
}

void
effects_clear(struct effects *effects)
{
    effects->count = 0;
    effects->arena_used = 0;
}

bool
effects_have_room(const struct effects *effects)
{
    return effects->capacity - effects->count >= EFFECTS_STEP_MAX &&
           effects->arena_capacity - effects->arena_used >= EFFECTS_STEP_BYTES;
}

void *
effects_take(struct effects *effects, size_t length)
{
    const size_t start = (effects->arena_used + 15) & ~(size_t)15;
    assert(start <= effects->arena_capacity && length <= effects->arena_capacity - start);
    effects->arena_used = start + length;
    return effects->arena + start;
}

struct bytes
effects_copy(struct effects *effects, struct bytes bytes)
{
    if (bytes.length == 0) {
        return bytes_of(NULL, 0);
    }
    void *copy = effects_take(effects, bytes.length);
    memcpy(copy, bytes.data, bytes.length);
    return bytes_of(copy, bytes.length);
}

struct effect *
effects_add(struct effects *effects, enum effect_type type)
{
    assert(effects->count < effects->capacity);
    struct effect *effect = &effects->list[effects->count];
    effects->count++;
    memset(effect, 0, sizeof *effect);
    effect->type = type;
    return effect;
}

struct verified_record
effects_keep_record(struct effects *effects, const struct verified_record *record)
{
    return verified_moved(record, effects_copy(effects, verified_bytes(record)));
}

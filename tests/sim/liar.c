/* A peer that lies: frames made by hand, signed by its own key or by nobody. */
#include <stdlib.h>

#include "tests/sim/world.h"

struct liar {
    unsigned index;
};

struct liar *
liar_new(struct world *world, unsigned index)
{
    (void)world;
    struct liar *liar = calloc(1, sizeof *liar);
    if (liar == NULL) {
        abort();
    }
    liar->index = index;
    return liar;
}

void
liar_free(struct liar *liar)
{
    free(liar);
}

void
liar_take(struct world *world, struct machine *machine, const struct event *event)
{
    (void)world;
    (void)machine;
    (void)event;
}

void
liar_act(struct world *world, struct machine *machine)
{
    (void)world;
    (void)machine;
}

/* A book asked for and given in pages: one question at a time on each link, in an order that leads on. */
#ifndef GPULET_NODE_CORE_PAGES_H
#define GPULET_NODE_CORE_PAGES_H

#include "node/core/links.h"
#include "node/core/shelf.h"
#include "protocol/message.h"

/* Asks for all records issued since then, page after page. */
void pages_pull(struct core *core, struct link_state *link, uint64_t from_s);
void pages_pull_all(struct core *core);

/* What was not answered for long: the other end may have been built anew. */
void pages_ask_again(struct core *core);

/* Asks the next peer in turn for what was issued lately. */
void pages_resync(struct core *core);

/* False when nobody has asked for the page: then it counts as any other frame. */
bool pages_take_page(struct core *core, struct link_state *link, const struct page_message *page);
void pages_take_pull(struct core *core, struct link_state *link, const struct pull_message *pull);

/* Sends the page that a link waits for, when its share and the whole upload allow it. True when it still
 * waits. */
bool pages_answer(struct core *core, struct link_state *link);

#endif

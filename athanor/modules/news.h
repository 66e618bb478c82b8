/* What becomes of modules, told on the topic `kernel` to whoever may subscribe to it. */
#ifndef ATHANOR_NEWS_H
#define ATHANOR_NEWS_H

#include "modules/modules.h"

/* The SDK's enum athanor_news. */
enum news { NEWS_STARTED = 1, NEWS_TRAPPED, NEWS_RESTARTED, NEWS_STOPPED, NEWS_REFUSED };

/* `code`: the diagnostic code that says why, or 0. Holds nobody up. Not under the threads' lock,
 * nor in exception handlers. */
void news_tell(const struct module *module, enum news what, uint32_t code);

#endif

/* Services about channels, topics and events: rows of services.def. */
#ifndef ATHANOR_SERVICES_IPC_H
#define ATHANOR_SERVICES_IPC_H

#include <alkahest/instance.h>

uint32_t service_channel_create(uint32_t message_max, uint32_t places, uint32_t out,
                                struct alka_context *caller);
uint32_t service_channel_send(uint64_t handle, uint32_t bytes, uint32_t size, uint64_t deadline,
                              struct alka_context *caller);
uint32_t service_channel_post(uint64_t handle, uint32_t message, uint64_t deadline,
                              struct alka_context *caller);
uint32_t service_channel_receive(uint64_t handle, uint32_t into, uint32_t room, uint32_t out,
                                 uint64_t deadline, struct alka_context *caller);
uint32_t service_channel_close(uint64_t handle, struct alka_context *caller);
uint32_t service_channel_watch(uint64_t handle, uint64_t event, uint64_t bits,
                               struct alka_context *caller);

uint32_t service_topic_create(uint32_t terms, uint32_t out, struct alka_context *caller);
uint32_t service_topic_publish(uint64_t handle, uint32_t bytes, uint32_t size, uint64_t deadline,
                               struct alka_context *caller);
uint32_t service_topic_subscribe(uint64_t handle, uint32_t slow, uint32_t places, uint32_t out,
                                 struct alka_context *caller);
uint32_t service_topic_unsubscribe(uint64_t channel, struct alka_context *caller);
uint32_t service_topic_close(uint64_t handle, struct alka_context *caller);

uint32_t service_event_create(uint32_t out, struct alka_context *caller);
uint32_t service_event_own(uint32_t out, struct alka_context *caller);
uint32_t service_event_signal(uint64_t handle, uint64_t bits, struct alka_context *caller);
uint32_t service_event_wait(uint64_t handle, uint64_t wanted, uint32_t out, uint64_t deadline,
                            struct alka_context *caller);

#endif

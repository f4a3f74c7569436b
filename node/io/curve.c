#include "node/io/curve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "protocol/limits.h"

enum {
    HANDSHAKE_MS = 4000, /* a silent stranger holds a descriptor no longer */
    CONNECT_MS = 5000,
    HEARTBEAT_MS = 25000, /* keeps a NAT's table warm; 30 s is a common shortest time */
    HEARTBEAT_GONE_MS = 60000,
    BACKLOG = 4096, /* the default of 100 admits about 100 silent connects a second */
    RECEIVE_BUFFER = 262144
};

static bool
set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool
set_shared(void *socket, const struct curve_options *options)
{
    const int64_t frame_max = FRAME_BYTES_MAX;
    const struct keypair *keypair = options->keypair;
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keypair->channel_secret, 32) == 0 &&
           set_int(socket, ZMQ_SNDHWM, options->send_frames_max) &&
           set_int(socket, ZMQ_RCVHWM, options->receive_frames_max) &&
           set_int(socket, ZMQ_LINGER, 0) && set_int(socket, ZMQ_RCVBUF, RECEIVE_BUFFER) &&
           set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
           set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
           set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_GONE_MS) &&
           set_int(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_GONE_MS);
}

void *
curve_open_router(const struct curve_options *options)
{
    void *socket = zmq_socket(options->zmq, ZMQ_ROUTER);
    if (socket != NULL && set_shared(socket, options) && set_int(socket, ZMQ_CURVE_SERVER, 1) &&
        set_int(socket, ZMQ_ROUTER_MANDATORY, 1) && set_int(socket, ZMQ_BACKLOG, BACKLOG) &&
        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, options->domain, strlen(options->domain)) == 0) {
        return socket;
    }
    curve_close(socket);
    return NULL;
}

void *
curve_open_dealer(const struct curve_options *options)
{
    void *socket = zmq_socket(options->zmq, ZMQ_DEALER);
    const uint8_t *own = options->keypair->channel_key.bytes;
    if (socket != NULL && set_shared(socket, options) &&
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own, ID_LENGTH) == 0 &&
        zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, options->server->bytes, ID_LENGTH) == 0 &&
        set_int(socket, ZMQ_IMMEDIATE, 1) && set_int(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_MS) &&
        set_int(socket, ZMQ_RECONNECT_IVL, -1)) {
        return socket;
    }
    curve_close(socket);
    return NULL;
}

void
curve_close(void *socket)
{
    if (socket != NULL) {
        zmq_close(socket);
    }
}

bool
endpoint_is_numeric(struct bytes address, uint32_t *ret_ip, uint16_t *ret_port)
{
    char text[ENDPOINT_SIZE];
    if (address.length >= sizeof text || address.length < 6 ||
        memcmp(address.data, "tcp://", 6) != 0) {
        return false;
    }
    memcpy(text, address.data, address.length);
    text[address.length] = '\0';
    char *colon = strrchr(text + 6, ':');
    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) > 5) {
        return false;
    }
    *colon = '\0';
    unsigned port = 0;
    for (const char *at = colon + 1; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        port = port * 10 + (unsigned)(*at - '0');
    }
    struct in_addr ip = {0};
    if (port == 0 || port > UINT16_MAX || inet_pton(AF_INET, text + 6, &ip) != 1) {
        return false;
    }
    if (ret_ip != NULL) {
        *ret_ip = ntohl(ip.s_addr);
    }
    if (ret_port != NULL) {
        *ret_port = (uint16_t)port;
    }
    return true;
}

void
endpoint_to_dial(struct bytes address, uint32_t own_ip, char *ret)
{
    const int length = (int)address.length;
    const char *text = (const char *)address.data;
    const struct in_addr own = {.s_addr = htonl(own_ip)};
    char own_text[INET_ADDRSTRLEN] = "";
    if (own_ip == 0 || inet_ntop(AF_INET, &own, own_text, sizeof own_text) == NULL) {
        snprintf(ret, 2 * ENDPOINT_SIZE, "%.*s", length, text);
        return;
    }
    snprintf(ret, 2 * ENDPOINT_SIZE, "tcp://%s:0;%.*s", own_text, length - 6, text + 6);
}

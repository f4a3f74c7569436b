#include "tests/io/hostile_attempt.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int
use_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
    inet_pton(AF_INET, "9.9.9.9", &address.sin_addr);
    const int connection = socket(AF_INET, SOCK_DGRAM, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) != 0) {
        return errno;
    }
    return hostile_outcome(send(connection, "x", 1, 0));
}

/* The port of a listener on the host's loopback, given by the test. */
static int
use_host_loopback(void)
{
    const char *port = getenv("HOSTILE_PORT");
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port == NULL ? "22" : port, NULL, 10))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0) {
        return errno;
    }
    return hostile_outcome(connect(connection, (struct sockaddr *)&address, sizeof address));
}

static int
use_abstract_socket(void)
{
    const char *name = getenv("HOSTILE_ABSTRACT");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(name == NULL ? "none" : name);
    memcpy(address.sun_path + 1, name == NULL ? "none" : name, length);
    const int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    return hostile_outcome(connect(connection, (struct sockaddr *)&address,
                                   (socklen_t)(sizeof(sa_family_t) + 1 + length)));
}

static int
use_vsock(void)
{
    return hostile_outcome(socket(AF_VSOCK, SOCK_STREAM, 0));
}

/* The filter sees 64 bits, the kernel takes 32. */
static int
use_vsock_with_high_bits(void)
{
    return hostile_outcome(syscall(SYS_socket, 0x100000000ul | AF_VSOCK, SOCK_STREAM, 0));
}

static int
use_kernel_crypto(void)
{
    return hostile_outcome(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static int
use_packet_socket(void)
{
    return hostile_outcome(socket(AF_PACKET, SOCK_RAW, 0));
}

static const struct hostile_attempt attempts[] = {
    {"use_tcp", use_tcp},
    {"use_host_loopback", use_host_loopback},
    {"use_abstract_socket", use_abstract_socket},
    {"use_vsock", use_vsock},
    {"use_vsock_with_high_bits", use_vsock_with_high_bits},
    {"use_kernel_crypto", use_kernel_crypto},
    {"use_packet_socket", use_packet_socket},
};
const struct hostile_list hostile_network = {attempts, sizeof attempts / sizeof attempts[0]};

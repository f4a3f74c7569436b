/* What a test network is planned to be, and what is kept of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/testnet.h"
#include "protocol/gpu_class.h"

static struct network first;
static struct network second;
static char sentence[1024];
static struct buffer why;

static void
planned(struct network *network, uint64_t seed, bool varied)
{
    const struct testnet_plan plan = {.hosts = 6, .renters = 2, .seed = seed, .varied = varied};
    memset(network, 0, sizeof *network);
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(testnet_plan(&plan, network, &why), STATUS_OK);
}

static bool
plans_are_equal(void)
{
    for (size_t i = 0; i < first.count; i++) {
        const struct network_node *a = &first.nodes[i];
        const struct network_node *b = &second.nodes[i];
        if (strcmp(a->name, b->name) != 0 || strcmp(a->cards, b->cards) != 0 ||
            a->ask_uusd_per_hour != b->ask_uusd_per_hour || a->notice_s != b->notice_s ||
            a->region != b->region || a->up_mbit_s != b->up_mbit_s) {
            return false;
        }
    }
    return first.count == second.count;
}

Test(testnet, the_seed_decides_everything)
{
    for (int varied = 0; varied < 2; varied++) {
        planned(&first, 7, varied != 0);
        planned(&second, 7, varied != 0);
        cr_assert(plans_are_equal());
        planned(&second, 8, varied != 0);
        cr_assert(!plans_are_equal());
    }
}

Test(testnet, the_first_host_has_one_card_of_24_gib_and_every_card_exists)
{
    for (uint64_t seed = 1; seed < 200; seed++) {
        planned(&first, seed, seed % 2 == 0);
        cr_assert_eq(first.count, 8);
        for (size_t i = 0; i < first.count; i++) {
            const struct network_node *node = &first.nodes[i];
            const struct gpu_class *class;
            if (!node->is_host) {
                cr_assert_str_eq(node->cards, "");
                continue;
            }
            char name[NETWORK_CARDS_SIZE];
            snprintf(name, sizeof name, "%s", node->cards);
            const size_t length = strlen(name);
            const bool has_count = length > 2 && name[length - 2] == 'x' &&
                                   name[length - 1] >= '2' && name[length - 1] <= '9';
            name[length - (has_count ? 2 : 0)] = '\0';
            cr_assert_eq(gpu_class_find(bytes_of_text(name), &class), STATUS_OK, "%s", node->cards);
            cr_assert(node->ask_uusd_per_hour > 0);
            cr_assert_eq(node->ask_uusd_per_hour % 1000, 0);
            if (i == 0) {
                cr_assert(!has_count, "%s", node->cards);
                cr_assert_eq(class->vram_mib, 24576);
            }
        }
    }
}

Test(testnet, more_nodes_than_one_network_holds_are_refused)
{
    const struct testnet_plan plan = {.hosts = NETWORK_NODES_MAX, .renters = 1, .seed = 1};
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(testnet_plan(&plan, &first, &why), STATUS_LIMIT);
    cr_assert(why.length > 0);
}

static void
write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(content, file);
    fclose(file);
}

static char directory[] = "/tmp/gpulet-test-XXXXXX";
static char path[64];

static void
make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/offers.csv", directory);
}

static void
remove_directory(void)
{
    cr_assert_eq(testnet_remove(directory), STATUS_OK);
    cr_assert_neq(access(directory, F_OK), 0);
}

Test(testnet, offers_of_a_file_become_hosts_and_bad_lines_are_left_out, .init = make_directory,
     .fini = remove_directory)
{
    write_file(path, "ListState,GPU,NumGPUs,PricePerHour,InetDown,InetUp,VRAM_GB\n"
                     "free,RTX 4090,2,0.35,900.5,100.9,24\n"
                     "free,\"RTX 3060\",1,0.1234567,80,20,12\n"
                     "free,Voodoo 2,1,0.01,80,20,0\n"
                     "free,RTX 4090,0,0.35,900,100,24\n"
                     "free,RTX 4090,1,free,900,100,24\n"
                     "free,RTX 4090,1,99,900,100,24\n"
                     "free,RTX 4090,1,-0.1,900,100,24\n"
                     "free,RTX 3060,1,0.1,900,100,80\n"
                     "short\n"
                     "free,RTX 3090,1,0.2,900,100,24\n");
    memset(&first, 0, sizeof first);
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(testnet_read_offers(path, 10, &first, &why), STATUS_OK);
    cr_assert_eq(first.count, 3);
    cr_assert_str_eq(first.nodes[0].cards, "rtx4090x2");
    cr_assert_eq(first.nodes[0].ask_uusd_per_hour, 350000);
    cr_assert_eq(first.nodes[0].down_mbit_s, 900);
    cr_assert_eq(first.nodes[0].up_mbit_s, 100);
    cr_assert_eq(first.nodes[1].ask_uusd_per_hour, 123456);
    cr_assert_str_eq(first.nodes[2].cards, "rtx3090");
}

Test(testnet, slices_of_one_machine_are_one_listing, .init = make_directory,
     .fini = remove_directory)
{
    write_file(path, "MachineID,GPU,NumGPUs,PricePerHour\n"
                     "7,RTX 4090,1,0.40\n"
                     "8,RTX 4090,2,0.50\n"
                     "7,RTX 4090,4,0.38\n"
                     "7,RTX 4090,2,0.39\n"
                     "7,RTX 3090,1,0.20\n"
                     "7,RTX 4090,8,99\n"
                     ",RTX 4090,1,0.41\n"
                     ",RTX 4090,1,0.41\n");
    memset(&first, 0, sizeof first);
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(testnet_read_offers(path, 10, &first, &why), STATUS_OK);
    cr_assert_eq(first.count, 5);
    cr_assert_str_eq(first.nodes[0].cards, "rtx4090x4", "the largest slice stands for machine 7");
    cr_assert_eq(first.nodes[0].ask_uusd_per_hour, 380000);
    cr_assert_str_eq(first.nodes[1].cards, "rtx4090x2");
    cr_assert_str_eq(first.nodes[2].cards, "rtx3090",
                     "other cards of it are a listing of their own");
    cr_assert_str_eq(first.nodes[3].cards, "rtx4090", "machines without a name are not one");
    cr_assert_str_eq(first.nodes[4].cards, "rtx4090");
}

Test(testnet, a_file_without_offers_is_refused_with_what_it_lacks, .init = make_directory,
     .fini = remove_directory)
{
    memset(&first, 0, sizeof first);
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(testnet_read_offers(path, 3, &first, &why), STATUS_NOT_FOUND);
    write_file(path, "");
    cr_assert_eq(testnet_read_offers(path, 3, &first, &why), STATUS_BAD_INPUT);
    write_file(path, "GPU,NumGPUs\nRTX 4090,1\n");
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(testnet_read_offers(path, 3, &first, &why), STATUS_BAD_INPUT);
    sentence[why.length] = '\0';
    cr_assert_not_null(strstr(sentence, "PricePerHour"), "%s", sentence);
}

Test(testnet, each_node_has_an_address_of_its_own_in_one_net)
{
    planned(&first, 1, false);
    snprintf(first.directory, sizeof first.directory, "/tmp/some/network");
    cr_assert_eq(testnet_address(&first), STATUS_OK);
    const size_t net = strlen(first.nodes[0].address) - 1;
    for (size_t i = 0; i < first.count; i++) {
        char last[32];
        snprintf(last, sizeof last, "%zu", i + 1);
        cr_assert_eq(strncmp(first.nodes[i].address, first.nodes[0].address, net), 0);
        cr_assert_str_eq(first.nodes[i].address + net, last);
    }
}

Test(testnet, what_is_kept_reads_back_the_same, .init = make_directory, .fini = remove_directory)
{
    planned(&first, 3, true);
    snprintf(first.directory, sizeof first.directory, "%s", directory);
    snprintf(first.name, sizeof first.name, "test-abc");
    first.issuer.bytes[0] = 0x5a;
    first.keeps = true;
    first.nodes[1].process = (struct process){4321, 987654321};
    cr_assert_eq(testnet_address(&first), STATUS_OK);
    cr_assert_eq(network_file_write(&first), STATUS_OK);
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(network_file_read(directory, &second, &why), STATUS_OK);
    cr_assert(plans_are_equal());
    cr_assert_str_eq(second.name, "test-abc");
    cr_assert_eq(second.seed, 3);
    cr_assert(second.keeps);
    cr_assert(peer_id_equal(&first.issuer, &second.issuer));
    cr_assert_eq(second.nodes[1].process.pid, 4321);
    cr_assert_eq(second.nodes[1].process.start_ticks, 987654321);
    cr_assert_str_eq(second.nodes[7].address, first.nodes[7].address);

    char data[PLACE_SIZE];
    cr_assert_eq(network_file_data(directory, "host-2", data, &why), STATUS_OK);
    cr_assert(strstr(data, "/host-2") != NULL);
    buffer_init(&why, sentence, sizeof sentence - 1);
    cr_assert_eq(network_file_data(directory, "hots-2", data, &why), STATUS_NOT_FOUND);
    sentence[why.length] = '\0';
    cr_assert_not_null(strstr(sentence, "did you mean host-2?"), "%s", sentence);
}

Test(testnet, a_damaged_file_is_refused, .init = make_directory, .fini = remove_directory)
{
    char file[80];
    static const char *const contents[] = {
        "",
        "{",
        "[]",
        "{\"name\":\"test-a\",\"seed\":1,\"issuer\":\"xyz\",\"nodes\":[]}",
        "{\"name\":\"test-a\",\"seed\":1,\"issuer\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\","
        "\"nodes\":[{\"name\":\"../../etc\",\"host\":true,\"address\":\"127.0.0.1\","
        "\"cards\":\"\"}]}",
    };
    snprintf(file, sizeof file, "%s/network.json", directory);
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(network_file_read(directory, &second, &why), STATUS_NOT_FOUND);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        write_file(file, contents[i]);
        cr_assert_eq(network_file_read(directory, &second, &why), STATUS_CORRUPT, "case %zu", i);
    }
}

/* A renter's program that tries to get out: every try and how the sandbox answered it. */
#ifndef GPULET_TESTS_IO_HOSTILE_H
#define GPULET_TESTS_IO_HOSTILE_H

/* Makes the tries named in argv[2..], or all, and prints "NAME: refused (ERROR)", "NAME: killed
 * (SIGNAL)" or "NAME: ALLOWED", a line each. Returns how many were allowed, 1 at most. */
int hostile_main(int argc, char **argv);

#endif

/* The version of the programs; the Makefile reads it here. */
#ifndef GPULET_PROTOCOL_VERSION_H
#define GPULET_PROTOCOL_VERSION_H

#define GPULET_VERSION "0.1.0"

#endif

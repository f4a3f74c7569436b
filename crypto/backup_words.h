/* The words of a backup: one for each value of a byte. */
#ifndef GPULET_CRYPTO_BACKUP_WORDS_H
#define GPULET_CRYPTO_BACKUP_WORDS_H

enum { BACKUP_WORD_COUNT = 256, BACKUP_WORD_LENGTH_MIN = 4, BACKUP_WORD_LENGTH_MAX = 8 };

/* In alphabetical order, of 4 to 8 letters. The first four letters are enough to tell each from all
 * others, one mistake never makes another word of the list, and none is written with the
 * letters a to f alone. The order is part of every backup: never change it. */
extern const char *const backup_words[BACKUP_WORD_COUNT];

#endif

/* Numbers of 16 bits (IEEE 754 binary16, "half"): 11 significant bits, of size 2^-24 to 65504. */
#ifndef LK_HALF_H
#define LK_HALF_H

#include "base.h"

/* The nearest; of two as near, the even one. From 65520 on infinite; what is no number stays so. */
uint16_t lk_half_of(float x);
float lk_half_value(uint16_t half); /* exact */

#endif

#ifndef RESYNC_CKERNELS_H
#define RESYNC_CKERNELS_H

#include "spectrogram.h"

#endif

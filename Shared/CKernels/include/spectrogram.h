#ifndef RESYNC_SPECTROGRAM_H
#define RESYNC_SPECTROGRAM_H

#include <stddef.h>
#include <stdint.h>

// The loops around FFTW's transforms. All memory belongs to the caller, none overlaps. The same bits whatever vectors
// the processor has: every operation is rounded by itself.

/// packed[2n] = first[n] · window[n], packed[2n + 1] = second[n] · window[n], n < count: two real frames as one complex
/// one.
void resync_pack_frames(
    const float *first, const float *second, const float *window, size_t count, float *packed);

/// Magnitudes of the lowest `bins` bins of both frames from the complex transform of `length` points of the packed one.
/// With A and B the frames' spectra and Z = A + iB: A[k] = (Z[k] + Z*[−k]) / 2, B[k] = (Z[k] − Z*[−k]) / 2i.
/// `bins` at most length / 2 + 1.
void resync_frame_magnitudes(const float *spectrum, size_t length, size_t bins, float *first, float *second);

/// image[row, column] = log(1 + scale · magnitudes[column, row]) as half-precision bits, row-major [rows, columns];
/// magnitudes are [columns, rows] and not negative. Right to the rounding of half precision.
void resync_log_image(const float *magnitudes, size_t rows, size_t columns, float scale, uint16_t *image);

#endif

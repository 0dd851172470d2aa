#include <cblas.h>
#include <stddef.h>

// LAPACK's Cholesky solver, which OpenBLAS holds but its headers do not declare. Column-major; the last argument is the
// length of `uplo`, as Fortran passes it.
void dposv_(
    const char *uplo, const int *n, const int *nrhs, double *a, const int *lda, double *b, const int *ldb, int *info,
    size_t uplo_length);

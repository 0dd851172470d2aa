#include <cblas.h>
#include <stddef.h>

// LAPACK's Cholesky solver, which OpenBLAS holds but its headers do not declare. Column-major; the last argument is the
// length of `uplo`, as Fortran passes it.
void dposv_(
    const char *uplo, const int *n, const int *nrhs, double *a, const int *lda, double *b, const int *ldb, int *info,
    size_t uplo_length);

// LAPACK's eigenvalues, ascending, and eigenvectors of a symmetric matrix; `a` becomes the vectors, one a column.
void dsyev_(
    const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
    const int *lwork, int *info, size_t jobz_length, size_t uplo_length);

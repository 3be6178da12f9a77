/* Eigenvalues and eigenvectors of a real symmetric matrix. */
#ifndef LK_EIGEN_H
#define LK_EIGEN_H

#include "base.h"

/* a[n][n], symmetric, is replaced by the eigenvectors of unit length as rows, in descending order
   of values[n]; each vector's largest component is positive. Householder's reduction to a
   tridiagonal matrix, then QL iterations with Wilkinson's shift (G. H. Golub and C. F. Van Loan,
   Matrix Computations, section 8.3); about 9 n^3 operations. `room` is 3 n values of workspace.
   False if it does not converge, which finite input has not been seen to do. */
bool lk_eigen_symmetric(double *a, size_t n, double *values, double *room);

#endif

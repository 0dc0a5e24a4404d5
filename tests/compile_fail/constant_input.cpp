// error: read-only|const-qualified|not assignable
#include "ttt/core/matrix.h"

// A block's input is not its scratch.
void clear(ttt::ConstMatrix x, ttt::Matrix y) {
#ifdef CONTROL
  *y.row(0) = *x.row(0);
#else
  *x.row(0) = *y.row(0);
#endif
}

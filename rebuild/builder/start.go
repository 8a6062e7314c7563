package builder

import "C" // start.c

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "relay.h"

/* The terminal's other side goes to the supervisor, as runtimes do; this side only carries bytes. */
void open_console(const char *path) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || unlockpt(master) != 0) die("terminal");
  int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  if (slave < 0) die("terminal");
  struct termios raw;
  if (tcgetattr(slave, &raw) == 0) {
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
  }
  int supervisor = connect_unix(path);
  if (supervisor < 0) die("console socket");
  if (!pass_descriptor(supervisor, master, "terminal")) die("console socket");
  close(supervisor);
  close(master);
  ioctl(slave, TIOCSCTTY, 0);
  for (int fd = 0; fd < 3; fd++) dup2(slave, fd);
  if (slave > 2) close(slave);
}

/* console SOCKET PROGRAM NAME ARGUMENTS...: becomes the program, on a terminal whose other side the socket's owner has. */
int console_main(char **arguments) {
  setsid();
  open_console(arguments[0]);
  execv(arguments[1], arguments + 2);
  die(arguments[1]);
}

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

static bool disk_mounted;

#define LONGEST_BOOT_S 600

/* The time of the sending: a machine that booted meanwhile has a later one from its own clock of hardware. */
static int set_clock(const struct field *field) {
  uint64_t nanos = field_u64(field, 0);
  time_t ahead = time(NULL) - (time_t)(nanos / 1000000000);
  if (ahead > 0 && ahead < LONGEST_BOOT_S) return 0;
  struct timespec now = {.tv_sec = (time_t)(nanos / 1000000000), .tv_nsec = (long)(nanos % 1000000000)};
  return clock_settime(CLOCK_REALTIME, &now) == 0 ? 0 : errno;
}

/* Clones of one template would draw the same numbers otherwise. */
static int add_entropy(const struct field *field) {
  uint8_t request[sizeof(struct rand_pool_info) + 512];
  struct rand_pool_info *info = (struct rand_pool_info *)request;
  uint32_t size = field->size > 512 ? 512 : field->size;
  info->entropy_count = (int)size * 8;
  info->buf_size = (int)size;
  memcpy(info->buf, field->value, size);
  int random = open("/dev/urandom", O_RDWR | O_CLOEXEC);
  if (random < 0) return errno;
  int result = ioctl(random, RNDADDENTROPY, info);
  if (result == 0) result = ioctl(random, RNDRESEEDCRNG);
  int error = result == 0 ? 0 : errno;
  close(random);
  return error;
}

static int write_boot_id(const struct field *field) {
  int file = open(BOOT_ID_PATH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
  if (file < 0) return errno;
  ssize_t written = write(file, field->value, field->size);
  close(file);
  return written == (ssize_t)field->size ? 0 : EIO;
}

/* What stood on the disk before the template was made is not what stands there now. */
static void forget_cached(const char *disk) {
  int device = open(disk, O_RDONLY | O_CLOEXEC);
  if (device < 0) return;
  ioctl(device, BLKFLSBUF, 0);
  close(device);
}

/* A spare machine has its root mounted already. */
int mount_disks(const char **problem) {
  if (disk_mounted) return 0;
  forget_cached("/dev/vda");
  forget_cached("/dev/vdb");
  *problem = "mounting the image";
  if (mount("/dev/vda", "/run/image", "erofs", MS_RDONLY, NULL) != 0) return errno;
  *problem = "mounting the writable disk";
  if (mount("/dev/vdb", "/run/disk", "ext4", MS_NOATIME, "noinit_itable,discard") != 0) return errno;
  disk_mounted = true;
  struct stat image;
  if (mkdir("/run/disk/upper", 0755) == 0 && stat("/run/image", &image) == 0) {
    chown("/run/disk/upper", image.st_uid, image.st_gid);
    chmod("/run/disk/upper", image.st_mode & 07777);
  }
  mkdir("/run/disk/work", 0700);
  *problem = "joining image and writable disk";
  const char *options = "lowerdir=/run/image,upperdir=/run/disk/upper,workdir=/run/disk/work,"
                        "index=off,metacopy=off,redirect_dir=off";
  return mount("overlay", ROOT_PATH, "overlay", 0, options) == 0 ? 0 : errno;
}

/* A machine that goes on from a template has devices that came with it, which nothing tells the kernel of. */
static int mount_shared(const char **problem) {
  *problem = "mounting the shared directories";
  if (mount("isle", SHARED_PATH, "virtiofs", 0, NULL) == 0) return 0;
  write_text("/sys/bus/pci/rescan", "1");
  return mount("isle", SHARED_PATH, "virtiofs", 0, NULL) == 0 ? 0 : errno;
}

static int root_from_share(const struct field *field, const char **problem) {
  char source[4096] = SHARED_PATH "/";
  size_t length = strlen(source);
  if (field->size >= sizeof source - length) return ENAMETOOLONG;
  memcpy(source + length, field->value, field->size);
  source[length + field->size] = 0;
  *problem = "binding the shared root";
  return mount(source, ROOT_PATH, NULL, MS_BIND | MS_REC, NULL) == 0 ? 0 : errno;
}

static int set_name(const struct field *field) {
  if (field->tag == FIELD_HOSTNAME) return sethostname((const char *)field->value, field->size) == 0 ? 0 : errno;
  return setdomainname((const char *)field->value, field->size) == 0 ? 0 : errno;
}

/* What a machine that starts and one that goes on as another are told alike. */
int apply_identity(const struct field *field, int *link, const char **problem) {
  switch (field->tag) {
    case FIELD_TIME: *problem = "setting the clock"; return set_clock(field);
    case FIELD_ENTROPY: *problem = "seeding the random numbers"; return add_entropy(field);
    case FIELD_HOSTNAME:
    case FIELD_DOMAINNAME: *problem = "setting the host name"; return set_name(field);
    case FIELD_BOOT_ID: *problem = "writing the boot id"; return write_boot_id(field);
    case FIELD_LINK: *problem = "configuring the network device"; return net_link(field, link);
    case FIELD_ADDRESS: *problem = "adding an address"; return net_address(field, *link);
    case FIELD_ROUTE: *problem = "adding a route"; return net_route(field, *link);
    default: return 0;
  }
}

static int apply_field(const struct field *field, int *link, const char **problem) {
  switch (field->tag) {
    case FIELD_SHARED: return mount_shared(problem);
    case FIELD_ROOT_DISK: return mount_disks(problem);
    case FIELD_ROOT_SHARE: return root_from_share(field, problem);
    default: return apply_identity(field, link, problem);
  }
}

static int count_links(const uint8_t *payload, size_t size) {
  struct field field;
  size_t offset = 0;
  int count = 0;
  while (field_next(payload, size, &offset, &field) == 1) count += field.tag == FIELD_LINK;
  return count;
}

int apply_setup(const uint8_t *payload, size_t size, const char **problem) {
  struct field field;
  size_t offset = 0;
  int link = 0, state;
  net_expect(count_links(payload, size));
  while ((state = field_next(payload, size, &offset, &field)) == 1) {
    int error = apply_field(&field, &link, problem);
    if (error != 0) return error;
  }
  net_unplug_rest();
  *problem = "reading the setup";
  return state == 0 ? 0 : EBADMSG;
}

/* After this the disk holds everything that was written, and the machine may be switched off. */
void finish_disk(void) {
  if (!disk_mounted) return;
  if (umount2(ROOT_PATH, 0) != 0 || umount2("/run/disk", 0) != 0) sync();
  else disk_mounted = false;
}

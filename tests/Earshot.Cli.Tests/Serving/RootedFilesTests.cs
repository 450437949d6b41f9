using System;
using System.IO;
using Earshot.Cli.Serving;
using Xunit;

namespace Earshot.Cli.Tests.Serving;

public sealed class RootedFilesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("earshot-files-");
    private readonly RootedFiles _files;

    public RootedFilesTests()
    {
        _folder.CreateSubdirectory("root/sub");
        _folder.CreateSubdirectory("root/.git");
        _folder.CreateSubdirectory("rootless");
        Write("root/a.txt");
        Write("root/sub/b.txt");
        Write("root/.git/config");
        Write("secret");
        Write("rootless/c");
        _files = new RootedFiles(Full("root"));
    }

    [Theory]
    [InlineData("/a.txt")]
    [InlineData("a.txt")]
    [InlineData("/sub/b.txt")]
    [InlineData("/sub/../a.txt")]
    public void A_file_below_the_root_is_there(string path) => Assert.True(_files.GetFileInfo(path).Exists);

    [Theory]
    [InlineData("/../secret")]
    [InlineData("/sub/../../secret")]
    [InlineData("//etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("/../rootless/c")]
    [InlineData("/.git/config")]
    [InlineData("/nothing")]
    [InlineData("/sub")]
    [InlineData("/")]
    public void Nothing_else_is(string path) => Assert.False(_files.GetFileInfo(path).Exists);

    [Fact]
    public void A_link_does_not_lead_out()
    {
        File.CreateSymbolicLink(Full("root/out"), Full("secret"));
        File.CreateSymbolicLink(Full("root/relative"), "../secret");
        Directory.CreateSymbolicLink(Full("root/folder"), _folder.FullName);
        Directory.CreateSymbolicLink(Full("root/neighbour"), Full("rootless"));
        File.CreateSymbolicLink(Full("root/circle"), Full("root/circle"));
        foreach (string path in (string[])["/out", "/relative", "/folder/secret", "/neighbour/c", "/circle"])
        {
            Assert.False(_files.GetFileInfo(path).Exists, path);
        }
    }

    [Fact]
    public void A_link_within_the_root_is_followed()
    {
        File.CreateSymbolicLink(Full("root/in"), Full("root/a.txt"));
        Directory.CreateSymbolicLink(Full("root/deep"), "sub");
        Assert.True(_files.GetFileInfo("/in").Exists);
        Assert.True(_files.GetFileInfo("/deep/b.txt").Exists);
    }

    [Fact]
    public void The_root_itself_may_be_a_link()
    {
        Directory.CreateSymbolicLink(Full("link"), Full("root"));
        using var files = new RootedFiles(Full("link"));
        Assert.True(files.GetFileInfo("/a.txt").Exists);
        Assert.False(files.GetFileInfo("/../secret").Exists);
    }

    public void Dispose()
    {
        _files.Dispose();
        _folder.Delete(recursive: true);
    }

    private string Full(string path) => Path.Combine(_folder.FullName, path);

    private void Write(string path) => File.WriteAllText(Full(path), path);
}
